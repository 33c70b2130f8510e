/* How many processes a slot has and what memory. A process is part of the level from the sweep that first sees it until
 * its last thread ends; in between its part changes when a sweep looks at it, which need not be every sweep.
 *
 * What a process adds stands in its leader's storage together with the slot that it was added to, and is only ever
 * exchanged: whoever takes the old figure out takes it from where it was. So the sweep and the end of the process may
 * meet, and the level is the sum of what stands in the storages. A walk adds that up once more, to be sure. */
#ifndef HOSTMETER_LEVELS_H
#define HOSTMETER_LEVELS_H

/* More than 4 TiB do not fit beside a slot. */
#define KIB_MAX 0xffffffffU

/* Changes the level of a slot, and what the walk met if it met this process already. */
static __always_inline void shift(__u32 slot, const struct task_state *state, int kind, __s64 processes, __s64 kib)
{
    struct usage *usage = bpf_map_lookup_elem(&hm_usage, &slot);

    if (!usage)
        return;
    __sync_fetch_and_add(&usage->now.processes, processes);
    __sync_fetch_and_add(&usage->now.kib[kind], kib);
    if (state->walk != usage->walk)
        return;
    __sync_fetch_and_add(&usage->met.processes, processes);
    __sync_fetch_and_add(&usage->met.kib[kind], kib);
}

/* Sets what a process adds of one kind. The process itself goes with the first kind. */
static __always_inline void hold(struct task_state *state, __u32 slot, int kind, __u32 kib)
{
    __u64 now = (__u64)slot << 32 | kib, then = *(volatile __u64 *)&state->held[kind];
    int process = kind == ANONYMOUS;
    __u32 then_slot;

    if (then == now)
        return;
    then = __sync_lock_test_and_set(&state->held[kind], now);
    then_slot = then >> 32;
    if (then_slot == slot) {
        shift(slot, state, kind, 0, (__s64)kib - (__u32)then);
        return;
    }
    if (then_slot != NO_SLOT)
        shift(then_slot, state, kind, -process, -(__s64)(__u32)then);
    if (slot != NO_SLOT)
        shift(slot, state, kind, process, kib);
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
        hold(state, NO_SLOT, kind, 0);
    close_session(c, leader, state);
}

/* A walk meets a process for the first time. */
static __always_inline void meet_again(struct control *c, struct task_state *state)
{
    struct usage *usage = bpf_map_lookup_elem(&hm_usage, &state->slot);

    if (!usage)
        return;
    if (usage->walk != c->walk) {
        usage->walk = c->walk;
        usage->met.processes = 0;
        for (int kind = 0; kind < KINDS; kind++)
            usage->met.kib[kind] = 0;
    }
    state->walk = c->walk;
    __sync_fetch_and_add(&usage->met.processes, 1);
    for (int kind = 0; kind < KINDS; kind++)
        __sync_fetch_and_add(&usage->met.kib[kind], (__u32)state->held[kind]);
}

static __always_inline void correct(__u64 *now, __u64 met)
{
    __u64 then = *(volatile __u64 *)now;

    if (then != met)
        __sync_fetch_and_add(now, met - then);
}

/* A walk was whole: what it met is what there is. */
static __always_inline void correct_level(const struct control *c, struct usage *usage)
{
    int is_met = usage->walk == c->walk;

    correct(&usage->now.processes, is_met ? usage->met.processes : 0);
    for (int kind = 0; kind < KINDS; kind++)
        correct(&usage->now.kib[kind], is_met ? usage->met.kib[kind] : 0);
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
    __u64 processes = usage->now.processes, kib = 0;

    if (!processes && !usage->last_processes)
        return;
    if (processes)
        kib = answers_for(slot, usage->now.kib);
    __sync_fetch_and_add(&usage->present_usec, (usage->last_processes + processes) * ms * 500);
    __sync_fetch_and_add(&usage->memory_kib_ms, (usage->last_kib + kib) * ms / 2);
    usage->last_processes = processes;
    usage->last_kib = kib;
}

#endif
