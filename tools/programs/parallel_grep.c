/* SPDX-License-Identifier: MIT */
/*
 * parallel-grep [-j N] PATTERN DIR: the lines below DIR that contain PATTERN, a
 * fixed string, as "grep -rnF PATTERN DIR" prints them in the C locale; but the
 * files come in any order.
 *
 *     walker -> paths -> N searchers -> matches -> printer (the main thread)
 *
 * Stages end one after the other, each when the queue between is shut down:
 *
 * - forwards: producers hold their queue, and the last to release it shuts it
 *   down gracefully, so that what is in it is still worked on;
 * - backwards: when nobody reads the output any more ("| head -1"), the printer
 *   shuts both queues down immediately.  Puts are refused, who waits is woken,
 *   what is left is freed.
 */
#define _GNU_SOURCE /* memmem */
#include <coqueue/waiter.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { FOUND, NOT_FOUND, TROUBLE }; /* exit codes, as grep's */
enum { QUEUED = 256, CHUNK = 96 * 1024, MAX_SEARCHERS = 1024 };

/* The items of both queues, freed by who gets them. */
typedef char *string;
COQUEUE_DEFINE_TYPED(strings, string)

static coqueue_t *paths;
static coqueue_t *matches; /* all of one file in one, to keep them together */
static const char *pattern;
static size_t pattern_length;
static atomic_bool found, failed;

static void complain(const char *path, int error)
{
	warnx("%s: %s", path, strerror(error));
	failed = true; /* but the search goes on */
}

static void put(coqueue_t *queue, string s)
{
	if (strings_put(queue, &s))
		free(s); /* shut down: nobody wants it any more */
}

/* ---- the walker ----------------------------------------------------------- */

static void *walk(void *dir)
{
	char *roots[] = {dir, NULL}, *path;
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR,
			     NULL);
	FTSENT *entry;

	if (!tree)
		err(TROUBLE, "%s", roots[0]);
	while (coqueue_state(paths) == COQUEUE_OPEN &&
	       (entry = fts_read(tree))) {
		int info = entry->fts_info;

		if (info == FTS_F) {
			if (!(path = strdup(entry->fts_path)))
				err(TROUBLE, NULL);
			put(paths, path);
		} else if (info == FTS_DNR || info == FTS_ERR ||
			   info == FTS_NS) {
			complain(entry->fts_path, entry->fts_errno);
		}
	}
	fts_close(tree);
	coqueue_release(paths, COQUEUE_PUT);
	return NULL;
}

/* ---- searchers ------------------------------------------------------------ */

struct search {
	const char *path;
	FILE *lines;  /* those to be printed */
	size_t line;  /* number of the last one looked at */
	bool binary;  /* a NUL was seen: from there on no lines are printed, */
	bool matched; /* but one message, if there is a match */
	char *buffer; /* used for one file after the other */
	size_t size, filled;
};

/* In the first `length` bytes of the buffer, which are whole lines. */
static void search_lines(struct search *s, size_t length)
{
	char *line = s->buffer, *end = line + length, *next;

	for (; line < end; line = next) {
		next = (char *)memchr(line, '\n', end - line) + 1;
		s->line++;
		if (!memmem(line, next - line, pattern, pattern_length))
			continue;
		fprintf(s->lines, "%s:%zu:", s->path, s->line);
		fwrite(line, 1, next - line, s->lines);
	}
}

/* What has to be looked at together with what comes next stays in the buffer. */
static void search_buffer(struct search *s)
{
	const char *last = memrchr(s->buffer, '\n', s->filled);
	size_t done = last ? last + 1 - s->buffer : 0;
	size_t keep = pattern_length ? pattern_length - 1 : 0;

	if (s->binary) {
		s->matched =
			memmem(s->buffer, s->filled, pattern, pattern_length);
		done = s->filled > keep ? s->filled - keep : 0;
	} else {
		search_lines(s, done);
	}
	s->filled -= done;
	memmove(s->buffer, s->buffer + done, s->filled);
}

/* As read() does; at the end of the file its last line becomes a whole one. */
static ssize_t fill_buffer(struct search *s, int fd)
{
	ssize_t n;

	if (s->size - s->filled < CHUNK) {
		s->size = s->size * 2 + CHUNK;
		if (!(s->buffer = realloc(s->buffer, s->size)))
			err(TROUBLE, NULL);
	}
	n = read(fd, s->buffer + s->filled, CHUNK);
	if (n > 0) {
		s->binary |= memchr(s->buffer + s->filled, '\0', n) != NULL;
		s->filled += n;
	} else if (n == 0 && s->filled) {
		s->buffer[s->filled++] = '\n';
	} else if (n < 0) {
		complain(s->path, errno);
	}
	return n;
}

static void search_file(struct search *s)
{
	string text;
	size_t size;
	ssize_t n = 1;
	int fd = open(s->path, O_RDONLY | O_NOCTTY | O_CLOEXEC);

	if (fd < 0) {
		complain(s->path, errno);
		return;
	}
	if (!(s->lines = open_memstream(&text, &size)))
		err(TROUBLE, NULL);
	s->line = s->filled = 0;
	s->binary = s->matched = false;
	while (n > 0 && !s->matched && coqueue_state(matches) == COQUEUE_OPEN) {
		n = fill_buffer(s, fd);
		search_buffer(s);
	}
	close(fd);
	if (fclose(s->lines))
		err(TROUBLE, NULL);
	if (size)
		put(matches, text);
	else
		free(text);
	if (s->matched)
		warnx("%s: binary file matches", s->path);
	if (size || s->matched)
		found = true;
}

static void *search(void *unused)
{
	struct search s = {.buffer = NULL};

	(void)unused;
	for (string path; strings_get(paths, &path) == 0; free(path)) {
		s.path = path;
		search_file(&s);
	}
	free(s.buffer);
	coqueue_release(matches, COQUEUE_PUT);
	return NULL;
}

/* ---- the printer ---------------------------------------------------------- */

/*
 * Get, or find that the reader of our output has left, which poll() tells even
 * when there is nothing to write.
 */
static int next_match(string *text, coqueue_waiter_t *waiter)
{
	struct pollfd fds[] = {
		{.fd = (intptr_t)waiter->data, .events = POLLIN},
		{.fd = STDOUT_FILENO}, /* events: only errors */
	};
	eventfd_t wakes;
	int error;

	while ((error = coqueue_get_arm(matches, text, waiter)) ==
	       EINPROGRESS) {
		if (poll(fds, 2, -1) > 0 && fds[1].revents)
			return EPIPE;
		eventfd_read(fds[0].fd, &wakes);
	}
	return error;
}

/* ESHUTDOWN: all is printed; else why not. */
static int print_all(void)
{
	int error = 0, fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	coqueue_waiter_t waiter =
		COQUEUE_WAITER_INIT(coqueue_wake_eventfd, (void *)(intptr_t)fd);
	string text;

	if (fd < 0)
		err(TROUBLE, "eventfd");
	while (!error && !(error = next_match(&text, &waiter))) {
		if (fputs(text, stdout) == EOF || fflush(stdout) == EOF)
			error = errno;
		free(text);
	}
	if (error != ESHUTDOWN) {
		coqueue_shutdown(paths, COQUEUE_IMMEDIATE);
		coqueue_shutdown(matches, COQUEUE_IMMEDIATE);
	}
	coqueue_disarm(&waiter); /* from here on nobody writes to fd */
	close(fd);
	return error;
}

/* ---- all of it ------------------------------------------------------------ */

static void discard(void *item, void *unused)
{
	(void)unused;
	free(*(string *)item);
}

int main(int argc, char **argv)
{
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;
	void (*on_pipe)(int) = signal(SIGPIPE, SIG_IGN);
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t threads[MAX_SEARCHERS + 1];
	int option, error;
	char *end = NULL;

	while ((option = getopt(argc, argv, "j:")) == 'j')
		n = strtol(optarg, &end, 10);
	if (option != -1 || argc - optind != 2 || (end && *end) || n < 1 ||
	    n > MAX_SEARCHERS || strchr(argv[optind], '\n'))
		errx(TROUBLE, "usage: parallel-grep [-j N] PATTERN DIR");
	pattern = argv[optind];
	pattern_length = strlen(pattern);
	attr.item_destroy = discard;
	if ((errno = strings_create(&paths, QUEUED, &attr)) ||
	    (errno = strings_create(&matches, QUEUED, &attr)))
		err(TROUBLE, "a queue");
	coqueue_hold(paths, COQUEUE_PUT);
	for (long i = 0; i < n; i++)
		coqueue_hold(matches, COQUEUE_PUT);
	for (long i = 0; i <= n; i++)
		if ((errno = pthread_create(&threads[i], NULL,
					    i == 0 ? walk : search,
					    argv[optind + 1])))
			err(TROUBLE, "a thread");
	error = print_all();
	for (long i = 0; i <= n; i++)
		pthread_join(threads[i], NULL);
	coqueue_destroy(paths);
	coqueue_destroy(matches);
	if (error == EPIPE) { /* the end of a process that does not ignore it */
		signal(SIGPIPE, on_pipe);
		raise(SIGPIPE);
	}
	if (error != ESHUTDOWN)
		errx(TROUBLE, "write error: %s", strerror(error));
	return failed ? TROUBLE : found ? FOUND : NOT_FOUND;
}
