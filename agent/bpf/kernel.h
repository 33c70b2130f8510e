/* The few kernel structures that the programs read, with only the fields that they read. Offsets are those of the
 * running kernel: libbpf moves every access to where its BTF says the field is (CO-RE). */
#ifndef HOSTMETER_KERNEL_H
#define HOSTMETER_KERNEL_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef _Bool bool;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef __u16 __sum16;

#define BPF_MAP_TYPE_HASH 1
#define BPF_MAP_TYPE_ARRAY 2
#define BPF_MAP_TYPE_PERCPU_ARRAY 6
#define BPF_MAP_TYPE_QUEUE 22
#define BPF_MAP_TYPE_TASK_STORAGE 29
#define BPF_F_NO_PREALLOC 1U
#define BPF_ANY 0
#define BPF_NOEXIST 1
#define BPF_LOCAL_STORAGE_GET_F_CREATE 1ULL

#define PF_KTHREAD 0x00200000
#define TASK_DEAD 0x00000080

enum { MM_FILEPAGES, MM_ANONPAGES, MM_SWAPENTS, MM_SHMEMPAGES, MM_COUNTERS };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
    int counter;
} atomic_t;

typedef struct {
    __s64 counter;
} atomic_long_t;

struct task_struct;

struct kuid {
    __u32 val;
};

struct cred {
    struct kuid uid;
};

struct sched_entity {
    __u64 sum_exec_runtime;
};

struct task_io_accounting {
    __u64 syscr;
    __u64 syscw;
    __u64 read_bytes;
    __u64 write_bytes;
    __u64 cancelled_write_bytes;
};

/* Linux 6.2 and later count pages by CPU; see mm_struct___before_6_2. */
struct percpu_counter {
    __s64 count;
    __s32 *counters;
};

struct mm_struct {
    struct percpu_counter rss_stat[MM_COUNTERS];
    struct task_struct *owner;
    unsigned long total_vm;
};

struct mm_rss_stat {
    atomic_long_t count[MM_COUNTERS];
};

struct mm_struct___before_6_2 {
    struct mm_rss_stat rss_stat;
};

struct task_rss_stat {
    int count[MM_COUNTERS];
};

struct task_struct___before_6_2 {
    struct task_rss_stat rss_stat;
};

struct signal_struct {
    atomic_t live;
    int nr_threads;
    /* A thread that is about to take the place of all others, by exec. Only compared. */
    struct task_struct *group_exec_task;
    unsigned long maxrss;
};

struct task_struct {
    unsigned int flags;
    unsigned int __state;
    int on_rq;
    int exit_state;
    int pid;
    int tgid;
    __u64 start_time;
    unsigned long min_flt;
    unsigned long maj_flt;
    struct sched_entity se;
    struct task_io_accounting ioac;
    struct mm_struct *mm;
    struct signal_struct *signal;
    struct task_struct *group_leader;
    struct task_struct *real_parent;
    const struct cred *real_cred;
    char comm[16];
};

struct list_head {
    struct list_head *next;
};

struct mutex {
    struct list_head wait_list;
};

struct bpf_map {
    struct mutex freeze_mutex;
};

/* A map by CPU keeps, for each entry, where its value lies in every CPU's own area. */
struct bpf_array {
    void *pptrs[1];
};

struct sock {
    struct kuid sk_uid;
};

struct inet_sock {
    struct sock sk;
};

struct inet_connection_sock {
    struct inet_sock icsk_inet;
};

struct tcp_sock {
    struct inet_connection_sock inet_conn;
};

struct seq_file;

struct bpf_iter_meta {
    struct seq_file *seq;
    __u64 session_id;
    __u64 seq_num;
};

struct bpf_iter__task {
    struct bpf_iter_meta *meta;
    struct task_struct *task;
};

struct bpf_iter__bpf_map_elem {
    struct bpf_iter_meta *meta;
    struct bpf_map *map;
    void *key;
    void *value;
};

#pragma clang attribute pop

/* Linux 6.2 and later; elsewhere they are 0. */
extern struct task_struct *bpf_task_from_pid(__s32 pid) __attribute__((section(".ksyms"), weak));
extern void bpf_task_release(struct task_struct *task) __attribute__((section(".ksyms"), weak));

/* Part of the kernel's interface to user space, so not moved. */
struct __sk_buff {
    __u32 len;
    __u32 pkt_type;
    __u32 mark;
    __u32 queue_mapping;
    __u32 protocol;
    __u32 vlan_present;
    __u32 vlan_tci;
    __u32 vlan_proto;
    __u32 priority;
    __u32 ingress_ifindex;
    __u32 ifindex;
    __u32 tc_index;
    __u32 cb[5];
    __u32 hash;
    __u32 tc_classid;
    __u32 data;
    __u32 data_end;
    __u32 napi_id;
    __u32 family;
    __u32 remote_ip4;
    __u32 local_ip4;
    __u32 remote_ip6[4];
    __u32 local_ip6[4];
    __u32 remote_port;
    __u32 local_port;
    __u32 data_meta;
    __u64 flow_keys;
    __u64 tstamp;
    __u32 wire_len;
    __u32 gso_segs;
    struct bpf_sock *sk;
    __u32 gso_size;
};

#endif
