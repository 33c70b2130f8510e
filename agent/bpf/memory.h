/* Pages of an address space. */
#ifndef HOSTMETER_MEMORY_H
#define HOSTMETER_MEMORY_H

#define CPUS_MAX 1024
#define PAGE_KIB 4

/* It holds nothing: the addresses of its value tell where each CPU's own area is, which no symbol tells everywhere. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} hm_areas SEC(".maps");

/* KiB by kind. */
struct pages {
    __u64 kib[KINDS];
};

struct sums {
    /* Where the parts of each counter lie, before a CPU's offset is added. */
    const __s32 *parts[MM_COUNTERS];
    /* Address of hm_areas' value before a CPU's offset is added. */
    __u64 base;
    /* Whether the parts of one CPU lie side by side, as since Linux 6.6. */
    __u32 together;
    __s64 totals[MM_COUNTERS];
};

static long add_cpu(__u32 cpu, struct sums *sums)
{
    __u32 zero = 0;
    void *here = bpf_map_lookup_percpu_elem(&hm_areas, &zero, cpu);
    __s32 parts[MM_COUNTERS] = {};
    __u64 address = 0;

    if (!here)
        return 1;
    /* Read from the stack, it is a number; the pointer itself may not be reckoned with. */
    bpf_probe_read_kernel(&address, sizeof(address), &here);
    address -= sums->base;
    if (sums->together) {
        bpf_probe_read_kernel(parts, sizeof(parts), (const void *)sums->parts[0] + address);
    } else {
        for (int i = 0; i < MM_COUNTERS; i++)
            bpf_probe_read_kernel(&parts[i], sizeof(parts[i]), (const void *)sums->parts[i] + address);
    }
    for (int i = 0; i < MM_COUNTERS; i++)
        sums->totals[i] += parts[i];
    return 0;
}

/* Where the value of hm_areas lies before a CPU's offset is added; 0 if that cannot be known. A program may not take the
 * address of a map, but nobody waits for the lock of this one, so that its empty list of those who wait points at
 * itself. */
static __always_inline __u64 base_of_areas(void)
{
    struct bpf_map *map = (struct bpf_map *)&hm_areas;
    __u64 address, base = 0;

    if (!bpf_core_field_exists(struct mutex, wait_list))
        return 0;
    address = (__u64)map->freeze_mutex.wait_list.next - bpf_core_field_offset(struct mutex, wait_list) -
              bpf_core_field_offset(struct bpf_map, freeze_mutex);
    bpf_probe_read_kernel(&base, sizeof(base), (void *)address + bpf_core_field_offset(struct bpf_array, pptrs));
    return base;
}

/* One counter. Its number is a constant, as libbpf moves only such accesses to where the kernel has the field. */
#define TAKE(sums, mm, i) (sums).totals[i] = (mm)->rss_stat[i].count
#define FIND_PARTS(sums, mm, i)                                                                                     \
    bpf_probe_read_kernel(&(sums).parts[i], sizeof((sums).parts[i]), &(mm)->rss_stat[i].counters)

/* Counters since Linux 6.2: the common part is out of date by what each CPU holds back, which is much for a small
 * process, so that the parts are added up. */
static __always_inline void by_cpu(struct mm_struct *mm, struct control *c, __s64 *totals)
{
    struct sums sums = { .base = c->areas };

    TAKE(sums, mm, MM_FILEPAGES);
    TAKE(sums, mm, MM_ANONPAGES);
    TAKE(sums, mm, MM_SWAPENTS);
    TAKE(sums, mm, MM_SHMEMPAGES);
    FIND_PARTS(sums, mm, 0);
    FIND_PARTS(sums, mm, 1);
    sums.together = sums.parts[1] == sums.parts[0] + 1;
    if (!sums.together) {
        FIND_PARTS(sums, mm, 2);
        FIND_PARTS(sums, mm, 3);
    }
    if (sums.base)
        bpf_loop(c->cpus < CPUS_MAX ? c->cpus : CPUS_MAX, add_cpu, &sums, 0);
    for (int i = 0; i < MM_COUNTERS; i++)
        totals[i] = sums.totals[i];
}

/* A counter before Linux 6.2: each thread holds back what its last 64 faults changed, which is all of it for a small
 * process. Of a process with several threads, the part of one is added. */
#define TAKE_ONCE(totals, task, mm, i)                                                                              \
    do {                                                                                                            \
        struct task_struct___before_6_2 *thread = (void *)(task);                                                   \
        struct mm_struct___before_6_2 *old = (void *)(mm);                                                          \
        int part = 0;                                                                                               \
                                                                                                                    \
        bpf_probe_read_kernel(&(totals)[i], sizeof((totals)[i]), &old->rss_stat.count[i]);                          \
        if (bpf_core_field_exists(thread->rss_stat))                                                                \
            bpf_probe_read_kernel(&part, sizeof(part), &thread->rss_stat.count[i]);                                 \
        (totals)[i] += part;                                                                                        \
    } while (0)

/* Of an address space that this task uses. */
static __always_inline void read_pages(struct task_struct *task, struct mm_struct *mm, struct control *c,
                                       struct pages *pages)
{
    __s64 totals[MM_COUNTERS] = {};

    if (bpf_core_type_exists(struct mm_rss_stat)) {
        TAKE_ONCE(totals, task, mm, MM_FILEPAGES);
        TAKE_ONCE(totals, task, mm, MM_ANONPAGES);
        TAKE_ONCE(totals, task, mm, MM_SWAPENTS);
        TAKE_ONCE(totals, task, mm, MM_SHMEMPAGES);
    } else {
        by_cpu(mm, c, totals);
    }
    for (int i = 0; i < MM_COUNTERS; i++)
        totals[i] = totals[i] > 0 ? totals[i] : 0;
    pages->kib[ANONYMOUS] = totals[MM_ANONPAGES] * PAGE_KIB;
    pages->kib[SWAP] = totals[MM_SWAPENTS] * PAGE_KIB;
    pages->kib[SHARED] = (totals[MM_FILEPAGES] + totals[MM_SHMEMPAGES]) * PAGE_KIB;
}

#endif
