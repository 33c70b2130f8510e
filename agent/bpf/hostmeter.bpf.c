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

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define WHOLE_PPM 1000000
#define PAGE_KIB 4
/* Records of one sweep: all of them fit into the buffer of an iterator, which would else show a task twice. */
#define TOLD_MAX 1024
#define SAMPLES_MAX 16
/* Of these, so many at most are of accounts whose share is known. */
#define SAMPLES_KNOWN_MAX 2
/* Memory of a process that did not run is read every so many sweeps, as the kernel may have taken some of it. */
#define IDLE_MEMORY_EVERY 32
/* A process is asked for its share again after so many sweeps. */
#define SAMPLE_EVERY 64
/* Tries to advance a counter: two parties at most meet at a task. */
#define EXCHANGES_MAX 4

static __always_inline struct control *control(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&hm_control, &zero);
}

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

static __always_inline struct command *find_command(struct command_key *key, __u32 slot, struct task_struct *task)
{
    key->slot = slot;
    bpf_probe_read_kernel_str(key->name, sizeof(key->name), task->comm);
    return bpf_map_lookup_elem(&hm_commands, key);
}

static __always_inline struct command *command_of(__u32 slot, struct task_struct *task)
{
    struct command_key key = {};
    struct command none = {};
    struct command *command = find_command(&key, slot, task);

    if (command)
        return command;
    bpf_map_update_elem(&hm_commands, &key, &none, BPF_NOEXIST);
    return bpf_map_lookup_elem(&hm_commands, &key);
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

/* KiB that a process answers for. Shares of its uid may have been sampled since its memory was read. */
static __always_inline __u64 answers_for(const struct task_state *leader)
{
    struct share *share = bpf_map_lookup_elem(&hm_shares, &leader->slot);
    __u64 kib = leader->swap_kib;

    if (!share)
        return kib;
    /* An account that was not sampled yet answers for its anonymous pages, and not for shared ones. */
    kib += (__u64)leader->anonymous_kib * (share->known ? share->anonymous_ppm : WHOLE_PPM) / WHOLE_PPM;
    return kib + (__u64)leader->shared_kib * share->shared_ppm / WHOLE_PPM;
}

static __always_inline int commands_are_due(void)
{
    __u32 zero = 0;
    struct order *order = bpf_map_lookup_elem(&hm_order, &zero);

    return order && order->top;
}

static __always_inline void tell(struct bpf_iter__task *ctx, struct control *c, __u32 kind, struct task_struct *task,
                                 const struct task_state *state)
{
    struct record record = {
        .kind = kind,
        .pid = task->tgid,
        .ppid = task->real_parent->tgid,
        .uid = state->uid,
        .slot = state->slot,
    };

    if (c->told >= TOLD_MAX)
        return;
    c->told++;
    bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
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
static __always_inline void read_memory(struct control *c, struct task_struct *task, struct task_state *leader)
{
    struct mm_struct *mm = task->mm;
    struct pages pages = {};

    leader->ran = 0;
    leader->anonymous_kib = leader->swap_kib = leader->shared_kib = 0;
    if (!mm || task->flags & PF_KTHREAD)
        return;
    if (bpf_core_field_exists(mm->owner)) {
        struct task_struct *owner = mm->owner;

        if (owner && owner->tgid != task->tgid)
            return;
    }
    read_pages(task, mm, c, &pages);
    leader->anonymous_kib = pages.anonymous * PAGE_KIB;
    leader->swap_kib = pages.swap * PAGE_KIB;
    leader->shared_kib = pages.shared * PAGE_KIB;
}

/* Asks the agent to read the share of a process: each in turn, a few in a sweep. */
static __always_inline void ask_share(struct bpf_iter__task *ctx, struct control *c, struct task_struct *task,
                                      struct task_state *state)
{
    struct share *share;

    if (c->samples >= SAMPLES_MAX || !(state->anonymous_kib | state->shared_kib))
        return;
    if (state->sampled && c->sweep - state->sampled < SAMPLE_EVERY)
        return;
    share = bpf_map_lookup_elem(&hm_shares, &state->slot);
    if (!share || !share->wanted || (share->known && c->samples >= SAMPLES_KNOWN_MAX))
        return;
    c->samples++;
    state->sampled = c->sweep;
    tell(ctx, c, RECORD_SAMPLE, task, state);
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

/* A process is there. */
static __always_inline void present(struct bpf_iter__task *ctx, struct control *c, struct task_struct *task,
                                    struct usage *usage, struct task_state *state)
{
    struct command *command;
    __u64 kib;

    c->processes++;
    if (state->ended)
        return;
    if ((state->ran || (state->turn + c->sweep) % IDLE_MEMORY_EVERY == 0) && task->mm)
        read_memory(c, task, state);
    if (usage->sweep != c->sweep) {
        usage->sweep = c->sweep;
        usage->processes = 0;
        usage->kib = 0;
    }
    kib = answers_for(state);
    usage->processes++;
    usage->kib += kib;
    if (commands_are_due()) {
        command = command_of(state->slot, task);
        if (command) {
            __sync_fetch_and_add(&command->processes, 1);
            __sync_fetch_and_add(&command->memory_kib_ms, kib * listed_ms(c));
        }
    }
    ask_share(ctx, c, task, state);
    if (state->session)
        tell(ctx, c, RECORD_SESSION, task, state);
}

/* A uid's level from the last sweep to this one, taken to change evenly. */
static long finish_slot(__u32 slot, __u64 *ms)
{
    struct usage *usage = bpf_map_lookup_elem(&hm_usage, &slot);
    struct control *c = control();
    __u64 processes, kib;

    if (!usage || !c)
        return 1;
    processes = usage->sweep == c->sweep ? usage->processes : 0;
    kib = usage->sweep == c->sweep ? usage->kib : 0;
    __sync_fetch_and_add(&usage->present_usec, (usage->last_processes + processes) * *ms * 500);
    __sync_fetch_and_add(&usage->memory_kib_ms, (usage->last_kib + kib) * *ms / 2);
    usage->last_processes = processes;
    usage->last_kib = kib;
    return 0;
}

static __always_inline void begin(struct control *c)
{
    c->sweep++;
    c->told = 0;
    c->samples = 0;
    c->processes = 0;
    c->areas = base_of_areas();
}

static __always_inline void finish(struct control *c)
{
    __u64 now_ns = bpf_ktime_get_ns();
    __u64 ms = c->swept_ns ? (now_ns - c->swept_ns) / 1000000 : 0;

    bpf_loop(c->used < SLOTS_MAX ? c->used : SLOTS_MAX, finish_slot, &ms, 0);
    c->swept_ns = c->swept_ns ? c->swept_ns + ms * 1000000 : now_ns;
    if (commands_are_due())
        c->topped_ns = c->swept_ns;
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

/* Another thread than the first ran: the leader is looked at by the next sweep, or here if it has ended. */
static __always_inline void tell_leader(struct control *c, struct task_struct *task)
{
    struct task_struct *leader = task->group_leader;
    struct task_state *state = bpf_task_storage_get(&hm_tasks, leader, 0, 0);

    if (!state)
        return;
    state->ran = 1;
    if (!leader->mm)
        read_memory(c, task, state);
}

/* What a task is, which only the task itself changes, by running. */
static __always_inline void look(struct task_struct *task, struct task_state *state)
{
    __u32 uid = task->real_cred->uid.val;

    if (!state->seen || state->uid != uid || state->slot == NO_SLOT) {
        state->uid = uid;
        state->slot = slot_of(uid);
    }
    state->leads = task->pid == task->tgid;
    state->turn = task->pid;
    state->session = state->leads && is_session(task, state);
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
    state->ran = 1;
    command = command_of(state->slot, task);
    if (command)
        __sync_fetch_and_add(&command->cpu_ns, cpu_ns);
}

SEC("iter/task")
int hm_sweep(struct bpf_iter__task *ctx)
{
    struct task_struct *task = ctx->task;
    struct control *c = control();
    struct task_state *state;
    struct usage *usage;
    int idle;

    if (!c)
        return 0;
    if (!task) {
        finish(c);
        return 0;
    }
    if (ctx->meta->seq_num == 0)
        begin(c);
    state = bpf_task_storage_get(&hm_tasks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
    if (!state) {
        c->unstored++;
        return 0;
    }
    /* Most tasks sleep. Nothing of such a one changes, so that little of it is touched. */
    idle = state->seen && state->slot != NO_SLOT && state->cpu_ns == task->se.sum_exec_runtime;
    if (!idle)
        look(task, state);
    if (!state->leads && idle)
        return 0;
    usage = usage_of(state->slot);
    if (!usage)
        return 0;
    /* Read after there is storage: one that is dead by now is counted by its last switch, which may not have seen the
     * storage; for one that is not dead yet, its last switch will find it. The process of a dead leader may live. */
    if (!idle && !*(volatile int *)&task->exit_state)
        count(c, task, usage, state);
    if (!state->seen)
        return 0;
    if (state->leads) {
        present(ctx, c, task, usage, state);
    } else if (state->ran) {
        state->ran = 0;
        tell_leader(c, task);
    }
    return 0;
}

/* A CPU leaves a task. If it is for good, all that the task did is known. The queue of the CPU is locked here: nothing
 * is allocated, as hm_exited has made room already. */
SEC("tp_btf/sched_switch")
int BPF_PROG(hm_switched, bool preempt, struct task_struct *task)
{
    struct task_state now = {}, none = {}, *state;
    struct command_key key = {};
    struct command *command;
    struct control *c;
    struct usage *usage;
    __u64 cpu_ns;
    __u32 slot;

    if (!(task->__state & TASK_DEAD))
        return 0;
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
    command = find_command(&key, slot, task);
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
        state->ended = 1;
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
    command_of(slot, task);
    if (task->signal->live.counter == 0)
        end_process(c, task, usage);
    return 0;
}

#include "network.h"
