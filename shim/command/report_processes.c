#include "report_settings.h"
#include "report_store.h"

/* A race at the start of a process: its load record may come after another thread's first. */
enum { LOAD_LATE = 1000000 };

/* Idle processes: in a list by age, so that the oldest can make room. */

static void add_idle(struct v6_gather *g, int32_t i)
{
	struct v6_process *p = &g->processes[i];

	p->idle = true;
	p->younger = V6_NOBODY;
	p->older = g->youngest;
	if (g->youngest != V6_NOBODY)
		g->processes[g->youngest].younger = i;
	else
		g->oldest = i;
	g->youngest = i;
}

static void remove_idle(struct v6_gather *g, int32_t i)
{
	struct v6_process *p = &g->processes[i];

	if (p->younger != V6_NOBODY)
		g->processes[p->younger].older = p->older;
	else
		g->youngest = p->older;
	if (p->older != V6_NOBODY)
		g->processes[p->older].younger = p->younger;
	else
		g->oldest = p->younger;
	p->idle = false;
}

/* There is something to show of the process. */
void v6_store_rouse(struct v6_gather *g, int32_t i)
{
	if (g->processes[i].idle)
		remove_idle(g, i);
}

static void count_idle(struct v6_gather *g, struct v6_slice program)
{
	unsigned i = 0;

	while (i < g->idle_count && g->idle[i].program.ptr != program.ptr)
		i++;
	if (i == V6_IDLE_MAX) {
		i--;
		g->idle[i].program = v6_pool_keep(&g->pool, (struct v6_slice){"others", 6});
	} else if (i == g->idle_count) {
		g->idle[i].program = program;
		g->idle_count++;
	}
	g->idle[i].times++;
}

/* Processes. */

static int32_t *pid_head(struct v6_gather *g, int32_t log, int pid)
{
	uint64_t hash = v6_hash(v6_hash(g->pool.seed, (uint64_t)log), (uint64_t)pid);

	return &g->pid_heads[hash % V6_HEADS];
}

static int32_t find_process(struct v6_gather *g, int32_t log, int pid)
{
	int32_t i = *pid_head(g, log, pid);

	while (i != V6_NOBODY && (g->processes[i].pid != pid || g->processes[i].log != log))
		i = g->processes[i].chain;
	return i;
}

void v6_store_drop_process(struct v6_gather *g, int32_t i)
{
	struct v6_process *p = &g->processes[i];
	int32_t *link = pid_head(g, p->log, p->pid);

	/* It is in no chain where another process has its pid by now. */
	while (*link != V6_NOBODY && *link != i)
		link = &g->processes[*link].chain;
	if (*link == i)
		*link = p->chain;
	if (p->idle)
		remove_idle(g, i);
	p->used = false;
	p->chain = g->free_process;
	g->free_process = i;
}

void v6_store_end_process(struct v6_gather *g, int32_t i)
{
	struct v6_process *p = &g->processes[i];
	int32_t *link = pid_head(g, p->log, p->pid);

	if (p->idle) {
		if (p->left)
			g->totals.processes_left++;
		else
			count_idle(g, p->program);
		v6_store_drop_process(g, i);
		return;
	}
	while (*link != i)
		link = &g->processes[*link].chain;
	*link = p->chain;
}

/* A place in the array; V6_NOBODY where all have something to show. */
static int32_t place_for_process(struct v6_gather *g)
{
	struct v6_process *grown;
	int32_t i;

	if (g->free_process == V6_NOBODY) {
		grown = v6_store_grow(g->processes, g->process_count, &g->process_room,
			sizeof(*g->processes), V6_PROCESSES_MAX);
		if (grown) {
			g->processes = grown;
			return g->process_count++;
		}
		if (g->oldest == V6_NOBODY)
			return V6_NOBODY;
		v6_store_end_process(g, g->oldest);
	}
	i = g->free_process;
	g->free_process = g->processes[i].chain;
	return i;
}

static int32_t begin_process(
	struct v6_gather *g, int32_t log, struct v6_slice program, const struct v6_record *r)
{
	int32_t i = place_for_process(g), *head;

	if (i == V6_NOBODY)
		return V6_NOBODY;
	head = pid_head(g, log, r->pid);
	g->processes[i] = (struct v6_process){
		.log = log,
		.pid = r->pid,
		.program = program,
		.first = r->time,
		.listeners = V6_NOBODY,
		.last_listener = V6_NOBODY,
		.troubles = V6_NOBODY,
		.last_trouble = V6_NOBODY,
		.policy = r->policy,
		.mode = r->mode,
		.level = -1,
		.used = true,
		.serial = ++g->serials,
		.chain = *head,
	};
	*head = i;
	add_idle(g, i);
	return i;
}

void v6_store_load(struct v6_gather *g, int32_t i, const struct v6_record *r)
{
	struct v6_process *p = &g->processes[i];
	struct v6_note_settings settings;

	p->loaded = true;
	p->settings = v6_pool_keep(&g->pool, r->note);
	p->policy = r->policy;
	p->mode = r->mode;
	if (v6_note_settings_read(&settings, r->note))
		p->level = (int8_t)v6_note_level(&settings);
}

/* The process that the record is of: the running one, or a new one. */
int32_t v6_store_process(struct v6_gather *g, int32_t log, const struct v6_record *r)
{
	struct v6_slice program = v6_pool_keep(&g->pool, r->program);
	int32_t i = find_process(g, log, r->pid);
	bool load = r->event == V6_EVENT_LOAD;
	struct v6_process *p;

	if (i != V6_NOBODY) {
		p = &g->processes[i];
		if (p->program.ptr == program.ptr &&
			(!load || (!p->loaded && r->time - p->first < LOAD_LATE &&
					  p->first - r->time < LOAD_LATE)))
			return i;
		v6_store_end_process(g, i);
	}
	return begin_process(g, log, program, r);
}
