/* SPDX-License-Identifier: MIT */
/*
 * A picture of bars, which gnuplot draws: a panel for each workload, in it a bar
 * for each queue, the fastest first.  All places are in pixels, so that bars are
 * of one height in all panels however many a panel has.
 */
#include "config.h"

#include "bench_figures.h"
#include "bench_machine.h"

#include <coqueue.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum {
	PANEL_WIDTH = 330,
	MARGIN = 12,
	NAMES_WIDTH = 86,  /* of a panel, left of its bars */
	VALUES_WIDTH = 64, /* right of them */
	PANEL_HEAD = 46,
	PANEL_FOOT = 28,
	BAR_HEIGHT = 15,
	HEAD_HEIGHT = 66, /* of the picture */
	HEAD_WIDTH = 660, /* at least */
	PANELS_IN_A_ROW = 3,
	TICS = 4, /* of a panel */
};

#define COLOUR_COQUEUE "0xd95f02"
#define COLOUR_FIRST "0x7a8794"
#define COLOUR_OTHER "0xb9c4cf"

struct bar {
	const struct bench_entry *entry;
	struct bench_spread ns;
};

struct panel {
	const struct bench_result *result;
	unsigned int n_bars;
	struct bar bars[BENCH_MAX_PEERS]; /* the fastest first */
	unsigned int left, top;
};

struct picture {
	size_t n_panels;
	struct panel *panels;
	unsigned int width, height;
};

/* ---- what stands where -------------------------------------------------- */

static int by_median(const void *a, const void *b)
{
	double x = ((const struct bar *)a)->ns.median;
	double y = ((const struct bar *)b)->ns.median;

	return (x > y) - (x < y);
}

/* A logarithmic scale has no place for 0, nor for the infinite. */
static void fill_panel(struct panel *panel, const struct bench_plan *plan,
		       const struct bench_result *result)
{
	const struct bench_entry *entry;
	struct bench_spread ns;
	unsigned int n;

	panel->result = result;
	for (n = 0; n < result->n_entries; n++) {
		entry = &result->entries[n];
		if (!bench_has_figure(result, entry, BENCH_NS))
			continue;
		ns = bench_spread_of(result, entry, plan->repeat, BENCH_NS);
		if (ns.min > 0 && isfinite(ns.max))
			panel->bars[panel->n_bars++] = (struct bar){entry, ns};
	}
	qsort(panel->bars, panel->n_bars, sizeof(panel->bars[0]), by_median);
}

static unsigned int height_of(const struct panel *panel)
{
	return PANEL_HEAD + panel->n_bars * BAR_HEIGHT + PANEL_FOOT;
}

/* As many panels in each row, a row as high as its highest panel. */
static void place_panels(struct picture *picture)
{
	unsigned int in_a_row = PANELS_IN_A_ROW, row_height = 0;
	struct panel *panel;
	size_t i;

	if (picture->n_panels < PANELS_IN_A_ROW)
		in_a_row = (unsigned int)picture->n_panels;
	else if (picture->n_panels == 4)
		in_a_row = 2;
	picture->height = HEAD_HEIGHT;
	for (i = 0; i < picture->n_panels; i++) {
		if (i % in_a_row == 0) {
			picture->height += row_height;
			row_height = 0;
		}
		panel = &picture->panels[i];
		panel->left = (unsigned int)(i % in_a_row) * PANEL_WIDTH;
		panel->top = picture->height;
		if (height_of(panel) > row_height)
			row_height = height_of(panel);
	}
	picture->height += row_height;
	picture->width = in_a_row * PANEL_WIDTH;
	if (picture->width < HEAD_WIDTH)
		picture->width = HEAD_WIDTH;
}

/* ---- gnuplot's script --------------------------------------------------- */

/* As a string that gnuplot takes as it is. */
static void put_quoted(FILE *to, const char *text)
{
	fputc('\'', to);
	for (; *text; text++) {
		if (*text == '\'')
			fputc('\'', to);
		if ((unsigned char)*text >= ' ')
			fputc(*text, to);
	}
	fputc('\'', to);
}

static void put_value(FILE *to, bool bytes, double value)
{
	static const char *const units[2][4] = {{"ns", "µs", "ms", "s"},
						{"B", "kB", "MB", "GB"}};
	unsigned int unit = 0;

	while (value >= 999.5 && unit < 3) {
		value /= 1000;
		unit++;
	}
	fprintf(to, value >= 99.5 ? "%.0f %s" : "%.3g %s", value,
		units[bytes][unit]);
}

/* Bold text is marked up: it must not hold what gnuplot takes for that. */
enum style { PLAIN, BOLD };

/* Text whose end is so many pixels from the left and from the top. */
static void put_text(FILE *to, const struct picture *picture, unsigned int x,
		     unsigned int y, const char *end, enum style style,
		     unsigned int size, const char *text)
{
	fputs("set label ", to);
	put_quoted(to, text);
	fprintf(to,
		" at screen %.6f, screen %.6f %s font 'sans-serif%s,%u' %s\n",
		x / (double)picture->width, 1 - y / (double)picture->height,
		end, style == BOLD ? ":Bold" : "", size,
		style == BOLD ? "" : "noenhanced");
}

/* At most so many: of decades; or at 1, 2 and 5 of each, where there are few. */
static void put_tics(FILE *to, bool bytes, double low, double high)
{
	static const int steps[] = {1, 2, 5};
	double decades = log10(high / low), decade, tic;
	unsigned int n_steps = decades < 1.4 ? 3 : 1, i;
	double apart = pow(10, ceil(decades / TICS));
	const char *before = "";

	fputs("set xtics (", to);
	for (decade = pow(10, floor(log10(low))); decade <= high;
	     decade *= apart)
		for (i = 0; i < n_steps; i++) {
			tic = decade * steps[i];
			if (tic < low || tic > high)
				continue;
			fprintf(to, "%s'", before);
			put_value(to, bytes, tic);
			fprintf(to, "' %g", tic);
			before = ", ";
		}
	fputs(")\n", to);
}

static void put_bar(FILE *to, const struct bench_plan *plan,
		    const struct panel *panel, unsigned int n)
{
	const struct bar *bar = &panel->bars[n];
	const char *colour = COLOUR_OTHER;

	if (bench_is_coqueue(bar->entry))
		colour = COLOUR_COQUEUE;
	else if (bar->entry == &panel->result->entries[0])
		colour = COLOUR_FIRST;
	fprintf(to, "%u %s %g %g %g %s \"", n, bar->entry->peer->name,
		bar->ns.median, bar->ns.min, bar->ns.max, colour);
	put_value(to, bench_is_in_bytes(panel->result->workload),
		  bar->ns.median);
	if (bench_like_coqueue(panel->result, bar->entry, plan->repeat))
		fputs(" ~", to);
	fputs("\"\n", to);
}

/* Of what the workload is, what a line holds. */
static void put_about(FILE *to, const struct picture *picture,
		      const struct panel *panel)
{
	const struct bench_workload *w = panel->result->workload;
	unsigned int left = panel->left + MARGIN, y = panel->top + 14;
	unsigned int right = panel->left + PANEL_WIDTH - MARGIN;
	char text[64];

	put_text(to, picture, left, y, "left", BOLD, 12, w->name);
	snprintf(text, sizeof(text), "capacity %zu", w->capacity);
	if (w->capacity)
		put_text(to, picture, right, y, "right", PLAIN, 9, text);
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(w->about, ";"),
		 w->about);
	put_text(to, picture, left, y + 15, "left", PLAIN, 9, text);
}

static void put_panel(FILE *to, const struct bench_plan *plan,
		      const struct picture *picture, const struct panel *panel)
{
	double width = picture->width, height = picture->height;
	double top = panel->top + PANEL_HEAD;
	double low = HUGE_VAL, high = 0;
	unsigned int n;

	fprintf(to, "$bars << END\n");
	for (n = 0; n < panel->n_bars; n++) {
		low = fmin(low, panel->bars[n].ns.min);
		high = fmax(high, panel->bars[n].ns.max);
		put_bar(to, plan, panel, n);
	}
	low /= 1.6; /* the shortest bar is one, too */
	high *= pow(high / low, 0.03);
	fputs("END\n", to);
	put_about(to, picture, panel);
	fprintf(to,
		"set lmargin at screen %.6f\nset rmargin at screen %.6f\n"
		"set tmargin at screen %.6f\nset bmargin at screen %.6f\n",
		(panel->left + NAMES_WIDTH) / width,
		(panel->left + PANEL_WIDTH - VALUES_WIDTH) / width,
		1 - top / height,
		1 - (top + panel->n_bars * BAR_HEIGHT) / height);
	fprintf(to, "set xrange [%g:%g]\nset yrange [%g:-0.5]\n", low, high,
		panel->n_bars - 0.5);
	put_tics(to, bench_is_in_bytes(panel->result->workload), low, high);
	fprintf(to,
		"plot $bars using 3:1:(%g):3:($1-0.38):($1+0.38):6:ytic(2) "
		"with boxxyerror fillstyle solid 1 noborder "
		"linecolor rgb variable, "
		"$bars using 3:1:4:5 with xerrorbars linecolor rgb 0x333333 "
		"pointtype 0, "
		"$bars using (%g):1:7 with labels left offset 0.6,0 "
		"noenhanced\n",
		low, high);
	fputs("unset label\n", to); /* each is drawn once */
}

static void put_head(FILE *to, const struct bench_plan *plan,
		     const struct picture *picture)
{
	struct bench_machine machine;
	char text[512];

	bench_read_machine(&machine);
	put_text(to, picture, MARGIN, 18, "left", BOLD, 14,
		 "Time per item, or bytes; log scale; less is better");
	snprintf(text, sizeof(text), "coqueue %s, %.10s; %ld cores, %s, %s %s",
		 coqueue_version(), machine.date, machine.cores, machine.model,
		 machine.uts.sysname, machine.uts.release);
	put_text(to, picture, MARGIN, 37, "left", PLAIN, 10, text);
	snprintf(text, sizeof(text),
		 "medians of %u samples; lines from the smallest to the "
		 "largest; ~ no difference from coqueue: these overlap",
		 plan->repeat);
	put_text(to, picture, MARGIN, 52, "left", PLAIN, 10, text);
}

static void put_script(FILE *to, const struct bench_plan *plan,
		       const struct picture *picture)
{
	size_t i;

	fprintf(to,
		"set encoding utf8\n"
		"set terminal svg size %u,%u background rgb 'white' "
		"font 'sans-serif,10'\n"
		"set multiplot\n"
		"unset key\n"
		"set border 0\n"
		"set logscale x\n"
		"unset mxtics\n"
		"set tics nomirror scale 0 noenhanced\n"
		"set xtics offset 0,0.4\n"
		"set errorbars small\n"
		"set grid xtics linetype 1 linecolor rgb 0xe4e4e4\n",
		picture->width, picture->height);
	put_head(to, plan, picture);
	for (i = 0; i < picture->n_panels; i++)
		put_panel(to, plan, picture, &picture->panels[i]);
}

/* ---- running it --------------------------------------------------------- */

/* With the script as its input and the file as its output. */
static const char *run_gnuplot(FILE *script, const char *file)
{
	static char name[] = "gnuplot";
	char *argv[] = {name, NULL};
	posix_spawn_file_actions_t actions;
	int status;
	pid_t pid;

	if (fflush(script) || ferror(script))
		return "cannot write the script for gnuplot";
	rewind(script);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fileno(script),
					 STDIN_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, file,
					 O_WRONLY | O_CREAT | O_TRUNC, 0666);
	errno = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (errno)
		return "cannot start gnuplot (Debian: gnuplot-nox)";
	if (waitpid(pid, &status, 0) != pid)
		return "cannot wait for gnuplot";
	return status ? "gnuplot failed" : NULL;
}

const char *bench_check_plot(void)
{
	FILE *script = tmpfile();
	const char *problem;

	if (!script)
		return "cannot write a script for gnuplot";
	fputs("set terminal svg\n", script);
	problem = run_gnuplot(script, "/dev/null");
	fclose(script);
	return problem;
}

const char *bench_write_plot(const char *file, const struct bench_plan *plan,
			     const struct bench_result *results, size_t n)
{
	struct picture picture = {.n_panels = 0};
	const char *problem = "no memory";
	FILE *script = tmpfile();
	size_t i;

	if (!script)
		return "cannot write a script for gnuplot";
	picture.panels = calloc(n, sizeof(*picture.panels));
	if (picture.panels) {
		for (i = 0; i < n; i++) {
			fill_panel(&picture.panels[picture.n_panels], plan,
				   &results[i]);
			if (picture.panels[picture.n_panels].n_bars)
				picture.n_panels++;
		}
		place_panels(&picture);
		put_script(script, plan, &picture);
		problem = run_gnuplot(script, file);
	}
	free(picture.panels);
	fclose(script);
	return problem;
}
