/* How many processes a slot has and what memory, and of that each of its commands. A process is part of the level from the
 * sweep that first sees it until its last thread ends; in between its part changes when a sweep looks at it, which need not
 * be every sweep.
 *
 * What a process adds stands in its leader's storage together with the place that it was added to, and is only ever
 * exchanged: whoever takes the old figure out takes it from where it was. So the sweep and the end of the process may
 * meet, and the level is the sum of what stands in the storages. A walk adds that up once more, to be sure. */
#ifndef HOSTMETER_LEVELS_H
#define HOSTMETER_LEVELS_H

/* More than 4 TiB do not fit beside a place. */
#define KIB_MAX 0xffffffffU
/* A place is a slot, counted from 1, and in its lowest bits the number of one of the slot's commands. Whose a process is
 * never hangs on what command it is. */
#define COMMAND_BITS 15
#define COMMAND_MASK ((1U << COMMAND_BITS) - 1)

_Static_assert(COMMANDS_MAX <= COMMAND_MASK && SLOTS_MAX < 1U << (32 - COMMAND_BITS), "a place has 32 bits");

static __always_inline __u32 place_of(__u32 slot, __u32 command)
{
    return (slot + 1) << COMMAND_BITS | (command & COMMAND_MASK);
}

static __always_inline __u32 slot_of_place(__u32 place)
{
    return (place >> COMMAND_BITS) - 1;
}

static __always_inline void shift_level(struct levels *levels, const struct task_state *state, int kind,
                                        __s64 processes, __s64 kib)
{
    __sync_fetch_and_add(&levels->now.processes, processes);
    __sync_fetch_and_add(&levels->now.kib[kind], kib);
    if (state->walk != levels->walk)
        return;
    __sync_fetch_and_add(&levels->met.processes, processes);
    __sync_fetch_and_add(&levels->met.kib[kind], kib);
}

/* Changes the levels of a place, and what the walk met if it met this process already. */
static __always_inline void shift(__u32 place, const struct task_state *state, int kind, __s64 processes, __s64 kib)
{
    __u32 slot = slot_of_place(place);
    struct usage *usage = bpf_map_lookup_elem(&hm_usage, &slot);
    struct command *command = command_at(place & COMMAND_MASK);

    if (usage)
        shift_level(&usage->levels, state, kind, processes, kib);
    if (command)
        shift_level(&command->levels, state, kind, processes, kib);
}

/* Sets what a process adds of one kind, and to which place; 0: to none. The process itself goes with the first kind. */
static __always_inline void hold(struct task_state *state, __u32 place, int kind, __u32 kib)
{
    __u64 now = (__u64)place << 32 | kib, then = *(volatile __u64 *)&state->held[kind];
    int process = kind == ANONYMOUS;
    __u32 then_place;

    if (then == now)
        return;
    then = __sync_lock_test_and_set(&state->held[kind], now);
    then_place = then >> 32;
    if (then_place == place) {
        shift(place, state, kind, 0, (__s64)kib - (__u32)then);
        return;
    }
    if (then_place)
        shift(then_place, state, kind, -process, -(__s64)(__u32)then);
    if (place)
        shift(place, state, kind, process, kib);
}

static __always_inline void close_session(struct control *c, struct task_struct *leader, struct task_state *state)
{
    __u32 pid = leader->tgid;

    if (state->session && __sync_lock_test_and_set(&state->session, 0)) {
        bpf_map_delete_elem(&hm_open, &pid);
        __sync_fetch_and_add(&c->sessions, -1);
    }
}

/* A process is no part of any level any more. */
static __always_inline void leave(struct control *c, struct task_struct *leader, struct task_state *state)
{
    for (int kind = 0; kind < KINDS; kind++)
        hold(state, 0, kind, 0);
    close_session(c, leader, state);
}

static __always_inline void begin_to_meet(const struct control *c, struct levels *levels)
{
    if (levels->walk == c->walk)
        return;
    levels->walk = c->walk;
    __builtin_memset(&levels->met, 0, sizeof(levels->met));
}

/* What a walk meets of a place begins with nothing. */
static __always_inline void begin_to_meet_at(const struct control *c, __u32 place)
{
    __u32 slot = slot_of_place(place);
    struct usage *usage = bpf_map_lookup_elem(&hm_usage, &slot);
    struct command *command = command_at(place & COMMAND_MASK);

    if (usage)
        begin_to_meet(c, &usage->levels);
    if (command)
        begin_to_meet(c, &command->levels);
}

static __always_inline void meet_level(struct levels *levels, const struct task_state *state)
{
    __sync_fetch_and_add(&levels->met.processes, 1);
    for (int kind = 0; kind < KINDS; kind++)
        __sync_fetch_and_add(&levels->met.kib[kind], (__u32)state->held[kind]);
}

/* A walk meets a process for the first time. */
static __always_inline void meet_again(struct control *c, struct task_state *state)
{
    struct usage *usage = bpf_map_lookup_elem(&hm_usage, &state->slot);
    struct command *command = command_at(state->command);

    state->walk = c->walk;
    if (usage)
        meet_level(&usage->levels, state);
    if (command)
        meet_level(&command->levels, state);
}

static __always_inline void correct(__u64 *now, __u64 met)
{
    __u64 then = *(volatile __u64 *)now;

    if (then != met)
        __sync_fetch_and_add(now, met - then);
}

/* A walk was whole: what it met is what there is. */
static __always_inline void correct_level(const struct control *c, struct levels *levels)
{
    int is_met = levels->walk == c->walk;

    correct(&levels->now.processes, is_met ? levels->met.processes : 0);
    for (int kind = 0; kind < KINDS; kind++)
        correct(&levels->now.kib[kind], is_met ? levels->met.kib[kind] : 0);
}

static __always_inline __u64 share_of(__u64 kib, __u32 ppm)
{
    return kib * ppm / WHOLE_PPM;
}

/* KiB that so much memory counts for. An account that was not sampled yet answers for its anonymous pages, and not for
 * shared ones. */
static __always_inline __u64 answers_for(__u32 slot, const __u64 *kib)
{
    struct share *share = bpf_map_lookup_elem(&hm_shares, &slot);

    if (!share)
        return kib[SWAP];
    return kib[SWAP] + share_of(kib[ANONYMOUS], share->known ? share->anonymous_ppm : WHOLE_PPM) +
           share_of(kib[SHARED], share->shared_ppm);
}

/* A uid's level from the last sweep to this one, taken to change evenly. */
static __always_inline void pass_time(__u32 slot, struct usage *usage, __u64 ms)
{
    __u64 processes = usage->levels.now.processes, kib = 0;

    if (!processes && !usage->last_processes)
        return;
    if (processes)
        kib = answers_for(slot, usage->levels.now.kib);
    __sync_fetch_and_add(&usage->present_usec, (usage->last_processes + processes) * ms * 500);
    __sync_fetch_and_add(&usage->memory_kib_ms, (usage->last_kib + kib) * ms / 2);
    usage->last_processes = processes;
    usage->last_kib = kib;
}

#endif
