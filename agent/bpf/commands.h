/* Commands of a slot, by number. A name has the same number for as long as anything happens under it: what had no process
 * and no CPU time in two lists in a row gives its number back. */
#ifndef HOSTMETER_COMMANDS_H
#define HOSTMETER_COMMANDS_H

static __always_inline struct command *command_at(__u32 number)
{
    return number == NO_COMMAND ? 0 : bpf_map_lookup_elem(&hm_commands, &number);
}

static __always_inline void name_command(struct command_key *key, __u32 slot, struct task_struct *task)
{
    key->slot = slot;
    bpf_probe_read_kernel_str(key->name, sizeof(key->name), task->comm);
}

static __always_inline int has_key(const struct command *command, const struct command_key *key)
{
    const __u32 *a = (const __u32 *)&command->key, *b = (const __u32 *)key;
    __u32 differ = 0;

    for (int i = 0; i < sizeof(*key) / sizeof(*a); i++)
        differ |= a[i] ^ b[i];
    return !differ && command->filled;
}

/* Gives a command a number. NO_COMMAND if there is no room. */
static __noinline __u32 admit_command(struct command_key *key)
{
    struct control *c = control();
    struct command *command;
    __u32 number = 0, *known;

    if (!c || !key)
        return NO_COMMAND;
    if (bpf_map_pop_elem(&hm_given_back, &number)) {
        if (c->commands > COMMANDS_MAX)
            return NO_COMMAND;
        number = __sync_fetch_and_add(&c->commands, 1);
    }
    command = command_at(number);
    if (!command)
        return NO_COMMAND;
    command->key = *key;
    command->filled = 1;
    if (bpf_map_update_elem(&hm_names, key, &number, BPF_NOEXIST) == 0)
        return number;
    /* Another CPU was first, or there is no memory. */
    command->filled = 0;
    bpf_map_push_elem(&hm_given_back, &number, BPF_ANY);
    known = bpf_map_lookup_elem(&hm_names, key);
    return known ? *known : NO_COMMAND;
}

/* The number of a task's command, if it has one. What it was last time is tried first. */
static __always_inline __u32 known_command(struct command_key *key, __u32 slot, struct task_struct *task, __u32 last)
{
    struct command *command = command_at(last);
    __u32 *number;

    name_command(key, slot, task);
    if (command && has_key(command, key))
        return last;
    number = bpf_map_lookup_elem(&hm_names, key);
    return number ? *number : NO_COMMAND;
}

/* The number of a task's command. NO_COMMAND if there is no room. */
static __always_inline __u32 command_of(__u32 slot, struct task_struct *task, __u32 last)
{
    struct command_key key = {};
    __u32 number = known_command(&key, slot, task, last);

    return number != NO_COMMAND ? number : admit_command(&key);
}

static __always_inline void forget_command(__u32 number, struct command *command)
{
    struct command_key key = command->key;

    bpf_map_delete_elem(&hm_names, &key);
    __builtin_memset(command, 0, sizeof(*command));
    bpf_map_push_elem(&hm_given_back, &number, BPF_ANY);
}

/* Sets what the list tells: what was used since the last one, which was so long ago. */
static __always_inline void list_command(__u32 number, struct command *command, __u64 ms)
{
    __u64 cpu_ns = command->cpu_ns;
    int is_idle = !command->levels.now.processes && cpu_ns == command->told_ns;

    if (is_idle && command->idle) {
        forget_command(number, command);
        return;
    }
    command->idle = is_idle;
    command->listed_ns = cpu_ns - command->told_ns;
    command->told_ns = cpu_ns;
    command->listed_processes = command->levels.now.processes;
    command->listed_kib_ms = answers_for(command->key.slot, command->levels.now.kib) * ms;
}

#endif
