/* SPDX-License-Identifier: MIT */
/*
 * drain-server: an HTTP/1.1 server on loopback that answers each request it has
 * accepted, also when it is told to end.
 *
 *     clients --> loop -- try_put --> requests -- get --> workers
 *     clients <-- loop <- get_arm --- answers <-- put --- workers
 *
 * The loop never blocks: a full queue is a 503 at once, and where there is no
 * answer, it leaves a waiter that makes an eventfd readable later.  A connection
 * has one request under way, so pipelined ones are answered in order.
 *
 * SIGTERM shuts the queue of requests gracefully: the workers get what is left,
 * then ESHUTDOWN.  The last of them to leave ends the queue of answers, and that
 * the loop.  A second one shuts it immediately: what is left gets a 503.
 */
#define _GNU_SOURCE
#include <coqueue/waiter.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <regex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct conn {
	int fd;    /* 0: none */
	bool busy; /* a request of it is with the workers; epoll is silent */
	bool last; /* no request is taken any more; what comes is dropped */
	size_t in_len, out_len;
	char in[8192], out[256];
};

struct job {
	struct conn *conn;
	unsigned long n, hash;
};
COQUEUE_DEFINE_TYPED(jobs, struct job)

#define MUST(x) ((x) ? (void)0 : err(1, "line %d: %s", __LINE__, #x))
#define UNAVAILABLE "503 Service Unavailable\r\nRetry-After: 1"
#define FDS 1000 /* fewer than a process may have: accept() always can */
enum { PORT, WORKERS, CAPACITY, SECONDS, OPTIONS };
static unsigned option[OPTIONS] = {8080, 4, 64, 5};
static coqueue_t *requests, *answers;
static struct conn conns[FDS]; /* by fd */
static int loop, listener, signals, wakes, open_conns, all_answered;
static unsigned long refused, terms;
static coqueue_waiter_t waiter = {.wake = coqueue_wake_eventfd};
static pthread_t workers[64];
static regex_t grammar;

static void *work(void *unused)
{
	struct job job;

	while (jobs_get(requests, &job) == 0) {
		job.hash = 14695981039346656037U; /* FNV */
		for (unsigned long i = 1; i <= job.n; i++)
			job.hash = (job.hash ^ i) * 1099511628211U;
		MUST(jobs_put(answers, &job) == 0);
	}
	MUST(coqueue_release(answers, COQUEUE_PUT) == 0);
	return unused;
}

static void reply(struct conn *c, const char *status, const char *body)
{
	c->busy = false;
	c->last |= terms > 0;
	c->out_len = (size_t)snprintf(
		c->out, sizeof(c->out),
		"HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status,
		c->last ? "Connection: close\r\n" : "", strlen(body), body);
}

/* Whether the lines until end are no request without a body. */
static bool malformed(const char *head, const char *end, bool *last)
{
	const char *connection = strcasestr(head, "\r\nConnection:");
	bool old = strstr(head, " HTTP/1.0\r\n");

	*last = old || (connection && strcasestr(connection, "close"));
	return head + strlen(head) != end ||
	       regexec(&grammar, head, 0, NULL, 0) ||
	       (!old && !strcasestr(head, "\r\nHost:")) ||
	       strcasestr(head, "\r\nContent-Length:") ||
	       strcasestr(head, "\r\nTransfer-Encoding:");
}

/* Takes the next request out of what was read, if all of it is there. */
static bool take_request(struct conn *c)
{
	char *end = memmem(c->in, c->in_len, "\r\n\r\n", 4);
	size_t len = end ? (size_t)(end + 4 - c->in) : sizeof(c->in);
	struct job job = {.conn = c};
	int used;

	if (len > c->in_len)
		return false;
	c->in[len - 2] = '\0'; /* after the last line */
	if (!end || malformed(c->in, c->in + len - 2, &c->last)) {
		c->last = true;
		reply(c, end ? "400 Bad Request" : "431 Header Too Large", "");
	} else if (sscanf(c->in, "GET /work/%9lu%n", &job.n, &used) < 1 ||
		   c->in[used] != ' ' || c->in[10] < '0') {
		reply(c, "404 Not Found", "");
	} else if (!(c->busy = jobs_try_put(requests, &job) == 0)) {
		refused++; /* it is full, or shut */
		reply(c, UNAVAILABLE, "");
	}
	memmove(c->in, c->in + len, c->in_len -= len);
	return true;
}

static void watch(int op, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	MUST(epoll_ctl(loop, op, fd, &event) == 0);
}

/*
 * Read, take requests and write, until something is missing.  We end a connection
 * with our half of it, and close it when the client has ended the other: a socket
 * that is closed with unread input is reset, and answers may be lost.
 */
static void go_on(struct conn *c)
{
	ssize_t n;

	if (!c->out_len) {
		if (c->last)
			c->in_len = 0;
		n = read(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			goto gone;
		c->in_len += n > 0 ? (size_t)n : 0;
	}
	do {
		if (!c->out_len)
			continue;
		n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			goto gone;
		if (n > 0)
			memmove(c->out, c->out + n, c->out_len -= (size_t)n);
	} while (!c->out_len && !c->last && take_request(c) && !c->busy);
	if (c->busy)
		return;
	if (!c->out_len && (c->last |= terms > 0))
		shutdown(c->fd, SHUT_WR);
	watch(EPOLL_CTL_MOD, c->fd,
	      (c->out_len ? EPOLLOUT : EPOLLIN) | EPOLLONESHOT);
	return;
gone:
	close(c->fd);
	c->fd = 0;
	open_conns--;
}

static void accept_one(void)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);

	if (fd < 0 || fd >= FDS) {
		close(fd);
		return;
	}
	conns[fd] = (struct conn){.fd = fd};
	open_conns++;
	watch(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLONESHOT);
}

static void take_answers(void)
{
	struct job job;
	char body[64];
	int error;

	while ((error = coqueue_get_arm(answers, &job, &waiter)) == 0) {
		snprintf(body, sizeof(body), "%lu %016lx\n", job.n, job.hash);
		reply(job.conn, "200 OK", body);
		go_on(job.conn);
	}
	MUST(error == ESHUTDOWN || error == EINPROGRESS);
	all_answered = error == ESHUTDOWN;
}

/* item_destroy of requests: coqueue_shutdown() calls it, so in the loop. */
static void discard(void *item, void *unused)
{
	struct job *job = item;

	(void)unused;
	reply(job->conn, UNAVAILABLE, "");
	go_on(job->conn);
}

static void on_signal(void)
{
	struct signalfd_siginfo info;

	MUST(read(signals, &info, sizeof(info)) == sizeof(info));
	MUST(!coqueue_shutdown(requests,
			       terms++ ? COQUEUE_IMMEDIATE : COQUEUE_GRACEFUL));
	if (terms > 1)
		return;
	close(listener);
	for (int fd = 0; fd < FDS; fd++)
		if (conns[fd].fd && !conns[fd].busy)
			go_on(&conns[fd]); /* what has come gets a 503 */
	puts("draining; another SIGTERM discards what is queued");
}

/* One event at a time: none is older than what was done for the one before. */
static void run(void)
{
	struct epoll_event event;
	int n;

	take_answers(); /* none yet: it leaves the waiter */
	do {            /* at the end clients may take SECONDS to read */
		n = epoll_wait(loop, &event, 1,
			       all_answered ? 1000 * (int)option[SECONDS] : -1);
		if (n < 1)
			continue;
		if (event.data.fd == signals)
			on_signal();
		else if (event.data.fd == listener)
			accept_one();
		else if (event.data.fd != wakes)
			go_on(&conns[event.data.fd]);
		else if (!eventfd_read(wakes, &(eventfd_t){0}))
			take_answers();
	} while (!all_answered || (open_conns && n));
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;
	socklen_t len = sizeof(address), on = 1;
	coqueue_stats_t in = {.size = sizeof(in)}, out = in;
	sigset_t set;
	char rest;

	for (int i = 1; i < argc; i++)
		if (i > OPTIONS ||
		    sscanf(argv[i], "%5u%c", &option[i - 1], &rest) != 1 ||
		    option[WORKERS] - 1 > 63 || option[PORT] > 65535)
			errx(2, "usage: [PORT [WORKERS [CAPACITY [SECONDS]]]]");
	setlinebuf(stdout);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	MUST(!sigprocmask(SIG_BLOCK, &set, NULL)); /* in the workers, too */
	MUST((loop = epoll_create1(0)) > 0);
	watch(EPOLL_CTL_ADD, signals = signalfd(-1, &set, 0), EPOLLIN);
	watch(EPOLL_CTL_ADD, wakes = eventfd(0, EFD_NONBLOCK), EPOLLIN);
	MUST((listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) > 0);
	MUST(!setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	MUST(!setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
	address.sin_port = htons((uint16_t)option[PORT]);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	MUST(!bind(listener, (struct sockaddr *)&address, len) &&
	     !listen(listener, SOMAXCONN) &&
	     !getsockname(listener, (struct sockaddr *)&address, &len));
	watch(EPOLL_CTL_ADD, listener, EPOLLIN);
	MUST(!regcomp(&grammar,
		      "^[A-Z]+ [^ \r\n]+ HTTP/1[.][01]\r\n"
		      "([^: \t\r\n]+:[^\r\n]*\r\n)*$",
		      REG_EXTENDED | REG_NOSUB));
	attr.item_destroy = discard;
	waiter.data = (void *)(intptr_t)wakes;
	MUST(!jobs_create(&requests, option[CAPACITY], &attr));
	MUST(!jobs_create(&answers, option[WORKERS], NULL));
	for (unsigned i = 0; i < option[WORKERS]; i++)
		MUST(!coqueue_hold(answers, COQUEUE_PUT) &&
		     !pthread_create(&workers[i], NULL, work, NULL));
	printf("port %u\n", ntohs(address.sin_port));
	run();
	for (unsigned i = 0; i < option[WORKERS]; i++)
		MUST(!pthread_join(workers[i], NULL));
	MUST(!coqueue_stats(requests, &in) && !coqueue_stats(answers, &out));
	MUST(!coqueue_destroy(requests) && !coqueue_destroy(answers));
	printf("%s: accepted %lu, answered %lu, refused %lu, discarded %lu\n",
	       terms > 1 ? "cut short" : "drained", (unsigned long)in.puts,
	       (unsigned long)out.gets, refused, (unsigned long)in.discarded);
	return 0;
}
