/* Which tasks ran since the last sweep: a bit for each pid, set when a CPU turns to it or leaves it, cleared when a sweep
 * looks. */
#ifndef HOSTMETER_RAN_H
#define HOSTMETER_RAN_H

/* The most that kernels of 64 bits have (PID_MAX_LIMIT). */
#define PIDS_MAX (1 << 22)
#define BITS 64
#define RAN_WORDS (PIDS_MAX / BITS)
#define RAN_GROUPS (RAN_WORDS / BITS)

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, RAN_WORDS);
    __type(key, __u32);
    __type(value, __u64);
} hm_ran SEC(".maps");

/* A bit for each word of hm_ran that may have bits. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, RAN_GROUPS);
    __type(key, __u32);
    __type(value, __u64);
} hm_ran_groups SEC(".maps");

/* The next sweep looks at this task. Mostly the bit is there. */
static __always_inline void mark(struct task_struct *task)
{
    __u32 pid = task->pid, word = pid / BITS, group = word / BITS;
    __u64 bit = 1ULL << (pid % BITS), *ran = bpf_map_lookup_elem(&hm_ran, &word);

    if (!ran || *ran & bit)
        return;
    __sync_fetch_and_or(ran, bit);
    ran = bpf_map_lookup_elem(&hm_ran_groups, &group);
    if (ran)
        __sync_fetch_and_or(ran, 1ULL << (word % BITS));
}

/* Takes all bits of a word. The words of a group are taken after the group's own, or a bit that is set meanwhile would
 * be in a word that no sweep looks at. */
static __always_inline __u64 take(void *map, __u32 key)
{
    __u64 *bits = bpf_map_lookup_elem(map, &key);

    return bits && *bits ? __sync_lock_test_and_set(bits, 0) : 0;
}

/* Takes the lowest of some bits, and gives its place: how many bits are below it. Without branches, whose every way the
 * verifier would follow through the whole of a sweep; and clang 14 breaks on its own function for that. */
static __always_inline __u32 take_lowest(__u64 *bits)
{
    __u64 below = (*bits & -*bits) - 1;

    *bits &= *bits - 1;
    below -= below >> 1 & 0x5555555555555555ULL;
    below = (below & 0x3333333333333333ULL) + (below >> 2 & 0x3333333333333333ULL);
    below = (below + (below >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
    return below * 0x0101010101010101ULL >> 56;
}

#endif
