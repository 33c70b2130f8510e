/* What the programs share with the agent. Its other half is agent/src/ebpf/layout.rs: a change here is a change there,
 * and a new LAYOUT number, so that an agent never reads figures of another layout. */
#ifndef HOSTMETER_MAPS_H
#define HOSTMETER_MAPS_H

#define SLOTS_MAX 65537
/* Commands that are known at once. */
#define COMMANDS_MAX 16384
/* Number of no command. */
#define NO_COMMAND 0
/* A power of two less one, so that RANGES_STEPS halvings find one. */
#define RANGES_MAX 4095
#define RANGES_STEPS 12
/* uids of ranges that are remembered with the slot of their owner; more are looked up each time. */
#define ALIASES_MAX SLOTS_MAX
/* uids whose slots are found without a search; a power of two. */
#define RECENT_MAX 4096
/* Slot of what found no room; belongs to no uid. */
#define NO_SLOT 0
/* Sessions that are known at once. */
#define SESSIONS_MAX 16384

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
    /* Processes whose share this sweep asked for, and entries of hm_open. */
    __u32 samples;
    __u32 sessions;
    /* Number of this sweep, and of the last one that walked over all tasks. */
    __u64 sweep;
    __u64 walk;
    /* Monotonic clock of the last sweep, and of the last one that counted commands. */
    __u64 swept_ns;
    __u64 topped_ns;
    /* Processes of all slots at the last sweep. */
    __u64 processes;
    /* Credits that found no slot. */
    __u64 misplaced;
    /* Tasks that found no storage; a later sweep or their end counts them. */
    __u64 unstored;
    /* Where the value of hm_areas lies before a CPU's offset is added; 0 if that is not known. */
    __u64 areas;
    /* Where a sweep over tasks that ran stands: what is left of a group of words, and of a word of pids, both taken out
     * of their maps already; that word; the next group. */
    __u64 words;
    __u64 pids;
    __u32 word;
    __u32 group;
    /* It is not over: it goes on when it is run again. Tasks that this run may still look at. */
    __u32 more;
    __u32 left;
    /* Numbers of commands given away, NO_COMMAND among them. */
    __u32 commands;
    /* The last process that a walk asked for its share; 0: the next walk begins with the first one. */
    __u32 asked;
};

/* Pages of a kind. */
enum { ANONYMOUS, SWAP, SHARED, KINDS };

/* Processes and their memory. */
struct level {
    __u64 processes;
    __u64 kib[KINDS];
};

struct levels {
    /* What is there now: changed when a process begins, changes or ends. */
    struct level now;
    /* What the walk of this number met so far. */
    struct level met;
    __u64 walk;
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
    /* What the last sweep left: processes, and the memory that they answer for. */
    __u64 last_processes;
    __u64 last_kib;
    struct levels levels;
};

/* Written by the agent before a sweep. */
struct order {
    /* Whether commands are listed, too. */
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

/* A command of a slot: what has one name. Names are chosen by the processes themselves, so that nothing is billed by
 * them. */
struct command {
    struct command_key key;
    /* 0: the number is free. */
    __u16 filled;
    /* Nothing happened under it since the list before the last one. */
    __u16 idle;
    /* CPU time so far; of that, what the lists told already. */
    __u64 cpu_ns;
    __u64 told_ns;
    /* What the last list tells: CPU time and memory since the one before, and processes. */
    __u64 listed_ns;
    __u64 listed_kib_ms;
    __u64 listed_processes;
    struct levels levels;
};

/* What is counted already of a task. First comes what a walk reads of one that sleeps: one line of the cache. */
struct task_state {
    __u64 cpu_ns;
    /* Of the leader: what its process adds to a level, KiB; in the upper half to which (see levels.h), 0: to none. */
    __u64 held[KINDS];
    /* Of the leader: the last walk that met it. */
    __u64 walk;
    __u32 slot;
    /* A sweep saw it. */
    __u32 seen;
    /* Of the leader: the last thread of the process ended. */
    __u32 ended;
    /* Number of its command, if that is still the same. */
    __u16 command;
    /* It is the first thread of its process, which has the number of the process. */
    __u8 leads;
    /* Of the leader: memory may be another than what was read. */
    __u8 ran;
    /* Page faults so far. */
    __u32 faults;
    /* Of the leader: pages that were mapped when memory was read. */
    __u32 mapped;
    __u64 read_bytes;
    __u64 written_bytes;
    __u64 cancelled_bytes;
    __u64 ops;
    __u32 uid;
    /* Of the leader: the sweep at which its share was asked for. */
    __u32 sampled;
    /* Of the leader: the sweep at which memory was read. */
    __u32 read_at;
    /* Of the leader: it is an entry of hm_open. */
    __u32 session;
};

/* A process whose share of its pages should be read; what a sweep tells. */
struct record {
    __u32 pid;
    __u32 slot;
};

/* A child of the SSH server that became its user; by its pid. */
struct session {
    __u32 ppid;
    __u32 uid;
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
    __uint(max_entries, SESSIONS_MAX);
    __type(key, __u32);
    __type(value, struct session);
} hm_open SEC(".maps");

/* Numbers of commands. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, COMMANDS_MAX);
    __type(key, struct command_key);
    __type(value, __u32);
} hm_names SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, COMMANDS_MAX + 1);
    __type(key, __u32);
    __type(value, struct command);
} hm_commands SEC(".maps");

/* Numbers that were given back. */
struct {
    __uint(type, BPF_MAP_TYPE_QUEUE);
    __uint(max_entries, COMMANDS_MAX);
    __type(value, __u32);
} hm_given_back SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct task_state);
} hm_tasks SEC(".maps");

#endif
