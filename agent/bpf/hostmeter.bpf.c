/* Meters in the kernel: CPU time, I/O, memory and starts of every task, by real uid.
 *
 * A living thread is credited by the sweep, a dead one when its CPU switches away from it for the last time: then its
 * CPU time is final. (sched_process_free, which comes later, was seen to miss some of the tasks of a busy machine.)
 * Task storage holds what was credited. Both may meet the same task, so that counters only ever advance, by exchange:
 * a figure that is read twice is credited once. */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "maps.h"
#include "memory.h"
#include "ran.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define WHOLE_PPM 1000000
/* Records of one sweep: all of them fit into the buffer of an iterator, which would else show a task twice. */
#define SAMPLES_MAX 1024
/* Of these, so many at most are of accounts whose share is known; and only a walk asks for them. */
#define SAMPLES_KNOWN_MAX 64
/* Tasks that one run looks at. No other task gets the CPU meanwhile on a kernel that does not preempt itself. */
#define VISITS_MAX 1024
/* Memory of a process that runs is read at least every so many sweeps, and else when it may have changed. */
#define MEMORY_EVERY 6
/* A process whose account has no share yet is asked for it again after so many sweeps. */
#define SAMPLE_EVERY 64
/* Tries to advance a counter: two parties at most meet at a task. */
#define EXCHANGES_MAX 4

/* A sweep at work. */
struct sweep {
    struct control *control;
    struct seq_file *seq;
    /* It walks over all tasks, and does not only look at those that ran. */
    __u64 is_walk;
    /* Time since the last sweep. */
    __u64 ms;
};

static __always_inline struct control *control(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&hm_control, &zero);
}

/* In this order: levels are by command, and a list of commands needs what memory counts for. */
static __always_inline __u64 answers_for(__u32 slot, const __u64 *kib);

#include "commands.h"
#include "levels.h"

/* Gives a uid a slot. NO_SLOT if there is no room. */
static __noinline __u32 admit(__u32 uid)
{
    struct control *c = control();
    struct usage *usage;
    __u32 *known;
    __u32 slot;

    if (!c)
        return NO_SLOT;
    if (c->used >= SLOTS_MAX)
        return NO_SLOT;
    slot = __sync_fetch_and_add(&c->used, 1);
    usage = bpf_map_lookup_elem(&hm_usage, &slot);
    if (!usage)
        return NO_SLOT;
    usage->uid = uid;
    if (bpf_map_update_elem(&hm_slots, &uid, &slot, BPF_NOEXIST) == 0) {
        usage->filled = 1;
        return slot;
    }
    /* Another CPU was first, or there is no memory; the slot stays empty. */
    known = bpf_map_lookup_elem(&hm_slots, &uid);
    return known ? *known : NO_SLOT;
}

/* Whose a uid is that has no slot: a user who has 65,536 of them shall not take the slots of all others. */
static __noinline __u32 owner_of_range(__u32 uid)
{
    __u32 zero = 0, low = 0, high;
    struct order *order = bpf_map_lookup_elem(&hm_order, &zero);

    if (!order)
        return uid;
    high = order->ranges;
    for (int i = 0; i < RANGES_STEPS && low < high; i++) {
        __u32 middle = (low + high) / 2;
        struct range *range = bpf_map_lookup_elem(&hm_ranges, &middle);

        if (!range)
            return uid;
        if (uid < range->first)
            high = middle;
        else if (uid > range->last)
            low = middle + 1;
        else
            return range->owner;
    }
    return uid;
}

/* Remembers the slot of a uid's owner, if there is room. */
static __always_inline void remember(__u32 uid, __u32 slot)
{
    __u32 zero = 0, *aliases = bpf_map_lookup_elem(&hm_aliases, &zero);

    if (slot == NO_SLOT || !aliases || *aliases >= ALIASES_MAX)
        return;
    if (bpf_map_update_elem(&hm_slots, &uid, &slot, BPF_NOEXIST) == 0)
        __sync_fetch_and_add(aliases, 1);
}

/* The slot that a uid was given, or remembered with; NO_SLOT if none. */
static __always_inline __u32 given_slot(__u32 uid)
{
    __u32 *slot = bpf_map_lookup_elem(&hm_slots, &uid);

    return slot ? *slot : NO_SLOT;
}

/* The slot of a uid or its owner, without giving one. */
static __always_inline __u32 known_slot(__u32 uid)
{
    __u32 slot = given_slot(uid);

    return slot != NO_SLOT ? slot : given_slot(owner_of_range(uid));
}

/* The slot of a uid or its owner. NO_SLOT if there is no room. */
static __always_inline __u32 slot_of(__u32 uid)
{
    __u32 owner, slot = given_slot(uid);

    if (slot != NO_SLOT)
        return slot;
    owner = owner_of_range(uid);
    if (owner == uid)
        return admit(uid);
    slot = given_slot(owner);
    if (slot == NO_SLOT)
        slot = admit(owner);
    remember(uid, slot);
    return slot;
}

static __always_inline void misplaced(void)
{
    struct control *c = control();

    if (c)
        __sync_fetch_and_add(&c->misplaced, 1);
}

static __always_inline struct usage *usage_of(__u32 slot)
{
    if (slot == NO_SLOT)
        misplaced();
    return bpf_map_lookup_elem(&hm_usage, &slot);
}

/* Usage of a uid or its owner, for programs that run often. */
static __always_inline struct usage *usage_of_uid(__u32 uid)
{
    __u32 place = uid & (RECENT_MAX - 1), *recent = bpf_map_lookup_elem(&hm_recent, &place);
    struct usage *usage;

    if (!recent)
        return 0;
    place = *recent;
    usage = bpf_map_lookup_elem(&hm_usage, &place);
    if (usage && usage->uid == uid && usage->filled)
        return usage;
    place = slot_of(uid);
    *recent = place;
    return usage_of(place);
}

static __always_inline void io_now(struct task_struct *task, struct task_state *now)
{
    if (!bpf_core_field_exists(task->ioac))
        return;
    now->read_bytes = task->ioac.read_bytes;
    now->written_bytes = task->ioac.write_bytes;
    now->cancelled_bytes = task->ioac.cancelled_write_bytes;
    now->ops = task->ioac.syscr + task->ioac.syscw;
}

/* Moves a counter of a task forward, and gives by how much. Whoever comes with an older figure gets nothing. */
static __always_inline __u64 advance(__u64 *counted, __u64 now)
{
    for (int i = 0; i < EXCHANGES_MAX; i++) {
        __u64 then = *(volatile __u64 *)counted;

        if (now <= then)
            return 0;
        if (__sync_val_compare_and_swap(counted, then, now) == then)
            return now - then;
    }
    return 0;
}

static __always_inline void credit_io(struct usage *usage, const struct task_state *now, struct task_state *state)
{
    __u64 written = advance(&state->written_bytes, now->written_bytes);
    __u64 cancelled = advance(&state->cancelled_bytes, now->cancelled_bytes);
    __s64 net;

    __sync_fetch_and_add(&usage->read_bytes, advance(&state->read_bytes, now->read_bytes));
    __sync_fetch_and_add(&usage->ops, advance(&state->ops, now->ops));
    if (!written && !cancelled)
        return;
    __sync_fetch_and_add(&usage->written_bytes, written);
    __sync_fetch_and_add(&usage->cancelled_bytes, cancelled);
    net = usage->written_bytes - usage->cancelled_bytes;
    if (net > 0)
        advance(&usage->net_written_bytes, net);
}

/* Credits what a task did beyond `state` to its uid of now; gives the CPU time. */
static __always_inline __u64 credit(struct usage *usage, const struct task_state *now, struct task_state *state)
{
    __u64 cpu_ns = advance(&state->cpu_ns, now->cpu_ns);

    if (now->ops != state->ops || now->written_bytes != state->written_bytes || now->read_bytes != state->read_bytes ||
        now->cancelled_bytes != state->cancelled_bytes)
        credit_io(usage, now, state);
    if (cpu_ns)
        __sync_fetch_and_add(&usage->cpu_ns, cpu_ns);
    return cpu_ns;
}

static __always_inline int commands_are_due(void)
{
    __u32 zero = 0;
    struct order *order = bpf_map_lookup_elem(&hm_order, &zero);

    return order && order->top;
}

/* Whether it has the name of the SSH server's processes: sshd, or sshd-session since OpenSSH 9.8. */
static __always_inline int is_sshd(const char *comm)
{
    char name[16] = {};

    bpf_probe_read_kernel_str(name, sizeof(name), comm);
    return name[0] == 's' && name[1] == 's' && name[2] == 'h' && name[3] == 'd' &&
           (name[4] == 0 || (name[4] == '-' && name[5] == 's' && name[6] == 'e' && name[12] == 0));
}

/* Memory of a process, read from one of its threads. An address space that processes share counts for its owner. */
static __always_inline void read_memory(struct control *c, struct task_struct *task, struct pages *pages)
{
    struct mm_struct *mm = task->mm;

    /* A first thread that has ended says nothing of the others. */
    if (!mm)
        return;
    __builtin_memset(pages, 0, sizeof(*pages));
    if (task->flags & PF_KTHREAD)
        return;
    if (bpf_core_field_exists(mm->owner)) {
        struct task_struct *owner = mm->owner;

        if (owner && owner->tgid != task->tgid)
            return;
    }
    read_pages(task, mm, c, pages);
}

/* Asks the agent to read the share of a process: a few in a walk, each walk the next ones, and at once where the account
 * has none yet. */
static __always_inline void ask_share(struct sweep *sweep, struct task_struct *task, struct task_state *state)
{
    struct control *c = sweep->control;
    struct record record = { .pid = task->tgid, .slot = state->slot };
    struct share *share;

    if (c->samples >= SAMPLES_MAX || !(__u32)(state->held[ANONYMOUS] | state->held[SHARED]))
        return;
    share = bpf_map_lookup_elem(&hm_shares, &state->slot);
    if (!share || !share->wanted)
        return;
    if (share->known) {
        /* A walk goes by pid. */
        if (!sweep->is_walk || record.pid <= c->asked || c->samples >= SAMPLES_KNOWN_MAX)
            return;
        c->asked = record.pid;
    } else if (state->sampled && c->sweep - state->sampled < SAMPLE_EVERY) {
        return;
    }
    c->samples++;
    state->sampled = c->sweep;
    bpf_seq_write(sweep->seq, &record, sizeof(record));
}

/* Whether a process is a child of the SSH server that became its user. */
static __always_inline int is_session(struct task_struct *task, const struct task_state *state)
{
    return state->uid && is_sshd(task->comm) && is_sshd(task->real_parent->comm) &&
           task->real_parent->real_cred->uid.val == 0;
}

/* Time that a list of commands covers: since the one before, or since counting began. */
static __always_inline __u64 listed_ms(const struct control *c)
{
    __u64 since_ns = c->topped_ns ? c->topped_ns : c->begun_ns;

    return c->swept_ns > since_ns ? (c->swept_ns - since_ns) / 1000000 : 0;
}

/* Remembers whether a process is a session. */
static __always_inline void follow_session(struct control *c, struct task_struct *task, struct task_state *state)
{
    struct session session = { .uid = state->uid };
    __u32 pid = task->tgid;

    if (!state->seen || state->ended)
        return;
    if (is_session(task, state)) {
        session.ppid = task->real_parent->tgid;
        if (bpf_map_update_elem(&hm_open, &pid, &session, BPF_ANY) == 0 && !state->session) {
            state->session = 1;
            __sync_fetch_and_add(&c->sessions, 1);
        }
    } else if (state->session) {
        close_session(c, task, state);
    }
}

/* A process is there. `thread` is one of its threads that has its memory. */
static __always_inline void present(struct sweep *sweep, struct task_struct *leader, struct task_state *state,
                                    struct task_struct *thread)
{
    struct control *c = sweep->control;
    int is_new = !state->held[ANONYMOUS];
    struct mm_struct *mm = thread->mm;
    struct pages pages = {};
    __u32 place, mapped;

    if (state->ended)
        return;
    /* Else it is what it was when the first thread ran last. */
    if (sweep->is_walk || is_new)
        state->command = command_of(state->slot, leader, state->command);
    place = place_of(state->slot, state->command);
    mapped = mm ? mm->total_vm : state->mapped;
    if (sweep->is_walk || state->ran || state->mapped != mapped || state->held[ANONYMOUS] >> 32 != place) {
        state->ran = 0;
        state->mapped = mapped;
        state->read_at = c->sweep;
        if (sweep->is_walk)
            begin_to_meet_at(c, place);
        for (int kind = 0; kind < KINDS; kind++)
            pages.kib[kind] = (__u32)state->held[kind];
        read_memory(c, thread, &pages);
        for (int kind = 0; kind < KINDS; kind++)
            hold(state, place, kind, pages.kib[kind] < KIB_MAX ? pages.kib[kind] : KIB_MAX);
        /* It may have ended just now; if it ended before it was seen, nobody was told. */
        if (*(volatile __u32 *)&state->ended || (is_new && !*(volatile int *)&leader->signal->live.counter)) {
            leave(c, leader, state);
            return;
        }
    }
    if (sweep->is_walk && state->walk != c->walk)
        meet_again(c, state);
    ask_share(sweep, leader, state);
}

static long finish_slot(__u32 slot, struct sweep *sweep)
{
    struct usage *usage = bpf_map_lookup_elem(&hm_usage, &slot);
    struct control *c = control();

    if (!usage || !c)
        return 1;
    if (sweep->is_walk)
        correct_level(c, &usage->levels);
    pass_time(slot, usage, sweep->ms);
    c->processes += usage->levels.now.processes;
    return 0;
}

static long finish_command(__u32 number, struct sweep *sweep)
{
    struct command *command = bpf_map_lookup_elem(&hm_commands, &number);
    struct control *c = control();

    if (!command || !c)
        return 1;
    if (!command->filled)
        return 0;
    if (sweep->is_walk)
        correct_level(c, &command->levels);
    if (commands_are_due())
        list_command(number, command, listed_ms(c));
    return 0;
}

static __always_inline void begin(struct control *c)
{
    c->sweep++;
    c->samples = 0;
    c->areas = base_of_areas();
    c->words = c->pids = 0;
    c->group = 0;
    c->more = 0;
}

static __always_inline void finish(struct sweep *sweep)
{
    struct control *c = sweep->control;
    __u64 now_ns = bpf_ktime_get_ns();

    sweep->ms = c->swept_ns ? (now_ns - c->swept_ns) / 1000000 : 0;
    c->processes = 0;
    bpf_loop(c->used < SLOTS_MAX ? c->used : SLOTS_MAX, finish_slot, sweep, 0);
    c->swept_ns = c->swept_ns ? c->swept_ns + sweep->ms * 1000000 : now_ns;
    if (sweep->is_walk || commands_are_due())
        bpf_loop(c->commands <= COMMANDS_MAX ? c->commands : COMMANDS_MAX + 1, finish_command, sweep, 0);
    if (commands_are_due())
        c->topped_ns = c->swept_ns;
    if (sweep->is_walk && c->samples < SAMPLES_KNOWN_MAX)
        c->asked = 0;
}

/* First sight by a sweep. What was there before counting began is taken as it is. */
static __always_inline void meet(struct control *c, struct task_struct *task, struct usage *usage,
                                 struct task_state *state, const struct task_state *now)
{
    int is_old = task->start_time < c->begun_ns;

    if (is_old) {
        state->cpu_ns = now->cpu_ns;
        state->read_bytes = now->read_bytes;
        state->written_bytes = now->written_bytes;
        state->cancelled_bytes = now->cancelled_bytes;
        state->ops = now->ops;
    }
    state->ran = 1;
    if (!__sync_lock_test_and_set(&state->seen, 1) && !is_old && task->pid == task->tgid)
        __sync_fetch_and_add(&usage->starts, 1);
}

/* Another thread than the first ran, so that the memory of the process may be another. */
static __always_inline void look_at_leader(struct sweep *sweep, struct task_struct *task)
{
    struct task_struct *leader = task->group_leader;
    struct task_state *state = bpf_task_storage_get(&hm_tasks, leader, 0, 0);

    /* Many threads may have run. */
    if (!state || !state->seen || state->read_at == (__u32)sweep->control->sweep)
        return;
    state->ran = 1;
    present(sweep, leader, state, leader->mm ? leader : task);
}

/* What a task is, which only the task itself changes, by running. */
static __always_inline void identify(struct task_struct *task, struct task_state *state)
{
    __u32 uid = task->real_cred->uid.val;

    if (!state->seen || state->uid != uid || state->slot == NO_SLOT) {
        state->uid = uid;
        state->slot = slot_of(uid);
    }
    state->leads = task->pid == task->tgid;
}

/* Whether memory of a task's process may have changed since it was read: it grows by page faults. What is given back
 * without one is seen where less is mapped, or after MEMORY_EVERY sweeps. */
static __always_inline int may_have_other_memory(struct control *c, struct task_struct *task, struct task_state *state)
{
    __u32 faults = task->min_flt + task->maj_flt;
    int has_faulted = faults != state->faults;

    state->faults = faults;
    return has_faulted || (task->pid + c->sweep) % MEMORY_EVERY == 0;
}

/* A task that ran since the last sweep, or that no sweep saw. */
static __always_inline void count(struct control *c, struct task_struct *task, struct usage *usage,
                                  struct task_state *state)
{
    struct task_state now = {};
    struct command *command;
    __u64 cpu_ns;

    now.cpu_ns = task->se.sum_exec_runtime;
    io_now(task, &now);
    if (!state->seen)
        meet(c, task, usage, state, &now);
    cpu_ns = credit(usage, &now, state);
    if (!cpu_ns)
        return;
    if (may_have_other_memory(c, task, state))
        state->ran = 1;
    state->command = command_of(state->slot, task, state->command);
    command = command_at(state->command);
    if (command)
        __sync_fetch_and_add(&command->cpu_ns, cpu_ns);
}

/* Looks at a task. */
static __always_inline void look(struct sweep *sweep, struct task_struct *task)
{
    struct control *c = sweep->control;
    struct task_state *state = bpf_task_storage_get(&hm_tasks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
    struct usage *usage;
    int idle;

    if (!state) {
        /* It may sleep from now on, and is looked at all the same. */
        mark(task);
        c->unstored++;
        return;
    }
    /* It runs, or is about to: no switch will tell that it goes on. */
    if (*(volatile int *)&task->on_rq)
        mark(task);
    /* Most tasks sleep. Nothing of such a one changes, so that little of it is touched. */
    idle = state->seen && state->slot != NO_SLOT && state->cpu_ns == task->se.sum_exec_runtime;
    if (!idle)
        identify(task, state);
    if (!state->leads && idle)
        return;
    if (!idle) {
        usage = usage_of(state->slot);
        if (!usage)
            return;
        /* Read after there is storage: one that is dead by now is counted by its last switch, which may not have seen
         * the storage; for one that is not dead yet, its last switch will find it. The process of a dead leader may
         * live. */
        if (!*(volatile int *)&task->exit_state)
            count(c, task, usage, state);
        /* There was no memory for a slot. */
        if (state->slot == NO_SLOT && c->used < SLOTS_MAX)
            mark(task);
    }
    if (!state->seen)
        return;
    if (state->leads) {
        if (!idle)
            follow_session(c, task, state);
        present(sweep, task, state, task);
    } else if (state->ran) {
        state->ran = 0;
        look_at_leader(sweep, task);
    }
}

/* A sweep over all tasks. */
SEC("iter/task")
int hm_walk(struct bpf_iter__task *ctx)
{
    struct sweep sweep = { .control = control(), .seq = ctx->meta->seq, .is_walk = 1 };
    struct task_struct *task = ctx->task;

    if (!sweep.control)
        return 0;
    if (!task) {
        finish(&sweep);
        return 0;
    }
    if (ctx->meta->seq_num == 0) {
        begin(sweep.control);
        sweep.control->walk = sweep.control->sweep;
    }
    look(&sweep, task);
    return 0;
}

/* One step: takes a group of words, a word of a group, or a pid of a word, and looks at its task. One loop and not
 * three in one another, as the verifier would follow each turn of the outer ones through all of the inner. */
static long visit(__u32 i, struct sweep *sweep)
{
    struct control *c = sweep->control;
    struct task_struct *task;

    if (c->pids) {
        if (!c->left)
            return 1;
        /* Counted in the map, as the verifier would follow a number that it knows down to 0. */
        c->left--;
        task = bpf_task_from_pid(c->word * BITS + take_lowest(&c->pids));
        if (!task)
            return 0;
        look(sweep, task);
        bpf_task_release(task);
    } else if (c->words) {
        c->word = (c->group - 1) * BITS + take_lowest(&c->words);
        c->pids = take(&hm_ran, c->word);
    } else if (c->group < RAN_GROUPS) {
        c->words = take(&hm_ran_groups, c->group);
        c->group++;
    } else {
        c->more = 0;
        return 1;
    }
    return 0;
}

/* A sweep over those tasks that ran since the last one, or a part of it. It is run for the only entry of hm_control. It
 * does nothing where the kernel finds no task by its pid. */
SEC("iter/bpf_map_elem")
int hm_visit(struct bpf_iter__bpf_map_elem *ctx)
{
    struct control *c = control();
    struct sweep sweep = { .control = c, .seq = ctx->meta->seq };

    if (!ctx->value || !c || !bpf_ksym_exists(bpf_task_from_pid))
        return 0;
    if (!c->more)
        begin(c);
    c->more = 1;
    c->left = VISITS_MAX;
    bpf_loop(RAN_GROUPS + RAN_WORDS + PIDS_MAX, visit, &sweep, 0);
    if (!c->more)
        finish(&sweep);
    return 0;
}

/* Tells every slot in turn, less what the programs keep for themselves. Whoever reads stops after the last one in use. */
SEC("iter/bpf_map_elem")
int hm_told(struct bpf_iter__bpf_map_elem *ctx)
{
    void *usage = ctx->value;

    /* The verifier wants the very value that was compared. */
    barrier_var(usage);
    if (usage)
        bpf_seq_write(ctx->meta->seq, usage, __builtin_offsetof(struct usage, last_kib));
    return 0;
}

/* A CPU leaves a task and turns to another. If it leaves for good, all that the task did is known. The queue of the CPU
 * is locked here: nothing is allocated, as hm_exited has made room already. */
SEC("tp_btf/sched_switch")
int BPF_PROG(hm_switched, bool preempt, struct task_struct *task, struct task_struct *next)
{
    struct task_state now = {}, none = {}, *state;
    struct command_key key = {};
    struct command *command;
    struct control *c;
    struct usage *usage;
    __u64 cpu_ns;
    __u32 slot;

    mark(next);
    if (!(task->__state & TASK_DEAD)) {
        /* Not every switch is told: on a virtual machine, none away from some threads of its init was. What such a thread
         * gave the CPU to is known when it leaves. */
        mark(task);
        return 0;
    }
    c = control();
    if (!c)
        return 0;
    state = bpf_task_storage_get(&hm_tasks, task, 0, 0);
    if ((!state || !state->seen) && task->start_time < c->begun_ns)
        return 0;
    slot = known_slot(task->real_cred->uid.val);
    usage = usage_of(slot);
    if (!usage)
        return 0;
    if ((!state || !__sync_lock_test_and_set(&state->seen, 1)) && task->pid == task->tgid)
        __sync_fetch_and_add(&usage->starts, 1);
    now.cpu_ns = task->se.sum_exec_runtime;
    io_now(task, &now);
    cpu_ns = credit(usage, &now, state ? state : &none);
    command = command_at(known_command(&key, slot, task, state ? state->command : NO_COMMAND));
    if (command && cpu_ns)
        __sync_fetch_and_add(&command->cpu_ns, cpu_ns);
    return 0;
}

/* The last thread of a process ends. If no sweep saw the process, its memory is known by its peak alone. */
static __always_inline void end_process(struct control *c, struct task_struct *task, struct usage *usage)
{
    struct task_struct *leader = task->group_leader;
    struct task_state *state = bpf_task_storage_get(&hm_tasks, leader, 0, 0);
    __u64 usec, kib_ms;

    if (state && state->seen) {
        __sync_lock_test_and_set(&state->ended, 1);
        leave(c, leader, state);
        return;
    }
    if (leader->start_time < c->begun_ns)
        return;
    /* Two threads that end together may both find that none is left: the first one counts. */
    if (task->signal->nr_threads > 1) {
        state = bpf_task_storage_get(&hm_tasks, leader, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
        if (!state || __sync_lock_test_and_set(&state->ended, 1))
            return;
    }
    usec = (bpf_ktime_get_ns() - leader->start_time) / 1000;
    kib_ms = task->signal->maxrss * PAGE_KIB * usec / 1000;
    __sync_fetch_and_add(&usage->present_usec, usec);
    __sync_fetch_and_add(&usage->memory_kib_ms, kib_ms);
    __sync_fetch_and_add(&usage->peak_kib_ms, kib_ms);
}

/* Whether another thread is about to take the place of the first, by exec: the process goes on in the storage of that
 * one, and the next sweep finds it there. */
static __always_inline int is_replaced(struct task_struct *leader)
{
    struct signal_struct *signal = leader->signal;

    return bpf_core_field_exists(signal->group_exec_task) && signal->group_exec_task;
}

static __always_inline void replace_leader(struct control *c, struct task_struct *leader)
{
    struct task_state *state = bpf_task_storage_get(&hm_tasks, leader, 0, 0);

    if (!state)
        return;
    __sync_lock_test_and_set(&state->ended, 1);
    leave(c, leader, state);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(hm_exited, struct task_struct *task)
{
    struct control *c = control();
    struct usage *usage;
    __u32 slot;

    if (!c)
        return 0;
    slot = slot_of(task->real_cred->uid.val);
    usage = usage_of(slot);
    if (!usage)
        return 0;
    command_of(slot, task, NO_COMMAND);
    if (task->signal->live.counter == 0)
        end_process(c, task, usage);
    else if (task->pid == task->tgid && is_replaced(task))
        replace_leader(c, task);
    return 0;
}

#include "network.h"
