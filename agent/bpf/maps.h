/* What the programs share with the agent. Its other half is agent/src/ebpf/layout.rs: a change here is a change there,
 * and a new LAYOUT number, so that an agent never reads figures of another layout. */
#ifndef HOSTMETER_MAPS_H
#define HOSTMETER_MAPS_H

#define SLOTS_MAX 65537
#define COMMANDS_MAX 16384
/* A power of two less one, so that RANGES_STEPS halvings find one. */
#define RANGES_MAX 4095
#define RANGES_STEPS 12
/* uids of ranges that are remembered with the slot of their owner; more are looked up each time. */
#define ALIASES_MAX SLOTS_MAX
/* uids whose slots are found without a search; a power of two. */
#define RECENT_MAX 4096
/* Slot of what found no room; belongs to no uid. */
#define NO_SLOT 0

/* One for all. */
struct control {
    /* Written by the agent before the first program is attached: monotonic clock at which counting began. What older
     * tasks did before a sweep first saw them does not count. */
    __u64 begun_ns;
    /* Written by the agent: names these counters; random. */
    __u64 map_id;
    /* Written by the agent: possible CPUs. */
    __u32 cpus;
    /* Slots given away, NO_SLOT among them. */
    __u32 used;
    /* Records told by this sweep, and those of them that ask for a share. */
    __u32 told;
    __u32 samples;
    /* Number of this sweep. */
    __u64 sweep;
    /* Monotonic clock of the last sweep, and of the last one that counted commands. */
    __u64 swept_ns;
    __u64 topped_ns;
    /* Processes of the last sweep. */
    __u64 processes;
    /* Credits that found no slot. */
    __u64 misplaced;
    /* Tasks that found no storage; a later sweep or their end counts them. */
    __u64 unstored;
    /* Where the value of hm_areas lies before a CPU's offset is added; 0 if that is not known. */
    __u64 areas;
};

/* What a uid used since `begun_ns`, and what its processes are. */
struct usage {
    __u32 uid;
    /* 0: the slot was given away and never filled. */
    __u32 filled;
    /* These never fall. */
    __u64 cpu_ns;
    __u64 read_bytes;
    __u64 written_bytes;
    __u64 cancelled_bytes;
    /* Largest value so far of written less cancelled. */
    __u64 net_written_bytes;
    __u64 ops;
    __u64 starts;
    __u64 memory_kib_ms;
    /* Part of memory_kib_ms that is peak times lifetime of processes that no sweep saw: an upper bound. */
    __u64 peak_kib_ms;
    __u64 present_usec;
    __u64 rx_bytes;
    __u64 tx_bytes;
    /* The sweep that counts, and what it counted so far. */
    __u64 sweep;
    __u64 processes;
    __u64 kib;
    /* What the last whole sweep counted. */
    __u64 last_processes;
    __u64 last_kib;
};

/* Written by the agent before a sweep. */
struct order {
    /* Whether commands are counted, too. */
    __u32 top;
    /* Entries of hm_ranges. */
    __u32 ranges;
};

/* uids of user namespaces, which belong to somebody; in order, and none in two of them. Written by the agent. */
struct range {
    __u32 first;
    __u32 last;
    __u32 owner;
};

/* A uid's share of the pages that its processes map; written by the agent. */
struct share {
    /* Whether the uid is an account, whose processes may be sampled. */
    __u32 wanted;
    /* 0: never sampled. */
    __u32 known;
    __u32 anonymous_ppm;
    __u32 shared_ppm;
};

struct command_key {
    __u32 slot;
    char name[16];
};

/* What a command used since the agent last took the list. */
struct command {
    __u64 cpu_ns;
    __u64 memory_kib_ms;
    __u64 processes;
};

/* What is counted already of a task. */
struct task_state {
    __u64 cpu_ns;
    __u64 read_bytes;
    __u64 written_bytes;
    __u64 cancelled_bytes;
    __u64 ops;
    /* Of the leader: memory of the process, and the sweep at which its share was asked for. */
    __u32 anonymous_kib;
    __u32 swap_kib;
    __u32 shared_kib;
    __u32 sampled;
    __u32 uid;
    __u32 slot;
    /* A sweep saw it. */
    __u32 seen;
    /* It is the first thread of its process, which has the number of the process. */
    __u32 leads;
    /* Spreads what is done at every so many sweeps. */
    __u32 turn;
    /* Of the leader: a child of the SSH server that became its user. */
    __u32 session;
    /* Of the leader: a thread ran since memory was read. */
    __u32 ran;
    /* Of the leader: the last thread of the process ended. */
    __u32 ended;
};

/* What a sweep tells of single processes. */
struct record {
    __u32 kind;
    __u32 pid;
    __u32 ppid;
    __u32 uid;
    __u32 slot;
};

enum {
    /* A child of the SSH server that became its user. */
    RECORD_SESSION = 1,
    /* A process whose share of its pages should be read. */
    RECORD_SAMPLE = 2,
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct control);
} hm_control SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct order);
} hm_order SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, RANGES_MAX);
    __type(key, __u32);
    __type(value, struct range);
} hm_ranges SEC(".maps");

/* How many entries of hm_slots are of uids in ranges; set to 0 by the agent when it has removed them. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} hm_aliases SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, SLOTS_MAX + ALIASES_MAX);
    __type(key, __u32);
    __type(value, __u32);
} hm_slots SEC(".maps");

/* The slot that was found last for any of the uids which share an entry. It is a guess: the slot says whose it is. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, RECENT_MAX);
    __type(key, __u32);
    __type(value, __u32);
} hm_recent SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, SLOTS_MAX);
    __type(key, __u32);
    __type(value, struct usage);
} hm_usage SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, SLOTS_MAX);
    __type(key, __u32);
    __type(value, struct share);
} hm_shares SEC(".maps");

/* Milliseconds of open sessions by slot; kept here by the agent, so that they outlive it. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, SLOTS_MAX);
    __type(key, __u32);
    __type(value, __u64);
} hm_sessions SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, COMMANDS_MAX);
    __type(key, struct command_key);
    __type(value, struct command);
} hm_commands SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct task_state);
} hm_tasks SEC(".maps");

#endif
