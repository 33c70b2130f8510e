/* Pages of an address space. */
#ifndef HOSTMETER_MEMORY_H
#define HOSTMETER_MEMORY_H

#define CPUS_MAX 1024

/* Any variable that each CPU has its own of: it tells where a CPU's own area is. */
extern const struct rq runqueues __ksym __weak;

struct pages {
    __u64 anonymous;
    __u64 swap;
    __u64 shared;
};

struct sum {
    const __s32 *counters;
    __s64 total;
};

static long add_cpu(__u32 cpu, struct sum *sum)
{
    const void *of_cpu = bpf_per_cpu_ptr(&runqueues, cpu);
    __s32 part = 0;

    if (!of_cpu)
        return 1;
    bpf_probe_read_kernel(&part, sizeof(part), (const void *)sum->counters + ((__u64)of_cpu - (__u64)&runqueues));
    sum->total += part;
    return 0;
}

/* A counter since Linux 6.2: the common part is out of date by what each CPU holds back, which is much for a small
 * process, so that the parts are added up. */
static __always_inline __u64 by_cpu(const struct percpu_counter *counter, __u32 cpus)
{
    struct sum sum = {};
    __s64 count = 0;

    bpf_probe_read_kernel(&count, sizeof(count), &counter->count);
    bpf_probe_read_kernel(&sum.counters, sizeof(sum.counters), &counter->counters);
    if (&runqueues)
        bpf_loop(cpus < CPUS_MAX ? cpus : CPUS_MAX, add_cpu, &sum, 0);
    sum.total += count;
    return sum.total > 0 ? sum.total : 0;
}

static __always_inline __u64 at_once(const atomic_long_t *counter)
{
    __s64 count = 0;

    bpf_probe_read_kernel(&count, sizeof(count), counter);
    return count > 0 ? count : 0;
}

static __always_inline void read_pages(struct mm_struct *mm, __u32 cpus, struct pages *pages)
{
    struct mm_struct___before_6_2 *old = (void *)mm;

    if (bpf_core_type_exists(struct mm_rss_stat)) {
        pages->anonymous = at_once(&old->rss_stat.count[MM_ANONPAGES]);
        pages->swap = at_once(&old->rss_stat.count[MM_SWAPENTS]);
        pages->shared = at_once(&old->rss_stat.count[MM_FILEPAGES]) + at_once(&old->rss_stat.count[MM_SHMEMPAGES]);
    } else {
        pages->anonymous = by_cpu(&mm->rss_stat[MM_ANONPAGES], cpus);
        pages->swap = by_cpu(&mm->rss_stat[MM_SWAPENTS], cpus);
        pages->shared = by_cpu(&mm->rss_stat[MM_FILEPAGES], cpus) + by_cpu(&mm->rss_stat[MM_SHMEMPAGES], cpus);
    }
}

#endif
