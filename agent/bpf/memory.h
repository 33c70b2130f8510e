/* Pages of an address space. */
#ifndef HOSTMETER_MEMORY_H
#define HOSTMETER_MEMORY_H

#define CPUS_MAX 1024

/* It holds nothing: the addresses of its value tell where each CPU's own area is, which no symbol tells everywhere. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} hm_areas SEC(".maps");

struct pages {
    __u64 anonymous;
    __u64 swap;
    __u64 shared;
};

struct sum {
    const __s32 *counters;
    /* Address of hm_areas' value before a CPU's offset is added. */
    __u64 base;
    __s64 total;
};

static long add_cpu(__u32 cpu, struct sum *sum)
{
    __u32 zero = 0;
    void *here = bpf_map_lookup_percpu_elem(&hm_areas, &zero, cpu);
    __u64 address = 0;
    __s32 part = 0;

    if (!here)
        return 1;
    /* Read from the stack, it is a number; the pointer itself may not be reckoned with. */
    bpf_probe_read_kernel(&address, sizeof(address), &here);
    bpf_probe_read_kernel(&part, sizeof(part), (const void *)sum->counters + (address - sum->base));
    sum->total += part;
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

/* A counter since Linux 6.2: the common part is out of date by what each CPU holds back, which is much for a small
 * process, so that the parts are added up. */
static __always_inline __u64 by_cpu(const struct percpu_counter *counter, __u32 cpus)
{
    struct sum sum = {};
    __s64 count = 0;

    bpf_probe_read_kernel(&count, sizeof(count), &counter->count);
    bpf_probe_read_kernel(&sum.counters, sizeof(sum.counters), &counter->counters);
    sum.base = base_of_areas();
    if (sum.base)
        bpf_loop(cpus < CPUS_MAX ? cpus : CPUS_MAX, add_cpu, &sum, 0);
    sum.total += count;
    return sum.total > 0 ? sum.total : 0;
}

/* A counter before Linux 6.2: each thread holds back what its last 64 faults changed, which is all of it for a small
 * process. Of a process with several threads, the part of one is added. */
static __always_inline __u64 by_task(struct task_struct *task, struct mm_struct *mm, int counter)
{
    struct task_struct___before_6_2 *thread = (void *)task;
    struct mm_struct___before_6_2 *old = (void *)mm;
    __s64 count = 0;
    int part = 0;

    bpf_probe_read_kernel(&count, sizeof(count), &old->rss_stat.count[counter]);
    if (bpf_core_field_exists(thread->rss_stat))
        bpf_probe_read_kernel(&part, sizeof(part), &thread->rss_stat.count[counter]);
    count += part;
    return count > 0 ? count : 0;
}

/* Of an address space that this task uses. */
static __always_inline void read_pages(struct task_struct *task, struct mm_struct *mm, __u32 cpus, struct pages *pages)
{
    if (bpf_core_type_exists(struct mm_rss_stat)) {
        pages->anonymous = by_task(task, mm, MM_ANONPAGES);
        pages->swap = by_task(task, mm, MM_SWAPENTS);
        pages->shared = by_task(task, mm, MM_FILEPAGES) + by_task(task, mm, MM_SHMEMPAGES);
    } else {
        pages->anonymous = by_cpu(&mm->rss_stat[MM_ANONPAGES], cpus);
        pages->swap = by_cpu(&mm->rss_stat[MM_SWAPENTS], cpus);
        pages->shared = by_cpu(&mm->rss_stat[MM_FILEPAGES], cpus) + by_cpu(&mm->rss_stat[MM_SHMEMPAGES], cpus);
    }
}

#endif
