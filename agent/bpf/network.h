/* Bytes that sockets receive and send, as Ethernet carries them. */
#ifndef HOSTMETER_NETWORK_H
#define HOSTMETER_NETWORK_H

#define LOOPBACK_INTERFACE 1
#define ETHERNET_HEADER 14
#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define UDP_HEADER 8
#define TCP_HEADER 20
#define TCP 6
#define UDP 17
#define PASS 1

/* Headers of a packet from IP up to TCP or UDP, which every segment of it repeats. The kernel keeps the headers of
 * what it divides, or has joined, in one piece. */
static __always_inline __u32 headers(struct __sk_buff *skb)
{
    const __u8 *ip = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
    __u32 length = IPV6_HEADER;
    __u8 protocol;

    if (ip + IPV4_HEADER > end)
        return 0;
    if (ip[0] >> 4 == 4) {
        length = (ip[0] & 15) * 4;
        protocol = ip[9];
    } else {
        protocol = ip[6];
    }
    if (protocol == UDP)
        return length + UDP_HEADER;
    if (protocol != TCP)
        return length;
    ip += length;
    /* What was checked is what is read: the compiler shall not reckon the place anew. */
    barrier_var(ip);
    return ip + TCP_HEADER > end ? length : length + (ip[12] >> 4) * 4;
}

/* The kernel handles segments of a stream as one large packet; on the wire each has its headers. */
static __always_inline __u64 wire_bytes(struct __sk_buff *skb)
{
    __u32 segment = skb->gso_size, repeated, segments;

    if (!segment)
        return skb->len + ETHERNET_HEADER;
    repeated = headers(skb);
    if (skb->len <= repeated + segment)
        return skb->len + ETHERNET_HEADER;
    segments = (skb->len - repeated + segment - 1) / segment;
    return skb->len + ETHERNET_HEADER + (__u64)(segments - 1) * (repeated + ETHERNET_HEADER);
}

/* The owner of a socket. The helper for it gives the number that the socket's own user namespace knows. */
static __always_inline __u32 owner_of(struct bpf_sock *socket)
{
    struct tcp_sock *stream = bpf_skc_to_tcp_sock(socket);
    __u64 address = 0;
    __u32 uid = 0, owner;

    if (stream) {
        /* Most packets, and a read that costs nothing. The compiler shall not join it with the one below, which the
         * verifier refuses. */
        owner = stream->inet_conn.icsk_inet.sk.sk_uid.val;
        barrier_var(owner);
        return owner;
    }
    /* Read from the stack, it is a number; the pointer itself may not be reckoned with. */
    bpf_probe_read_kernel(&address, sizeof(address), &socket);
    bpf_probe_read_kernel(&uid, sizeof(uid), (void *)address + bpf_core_field_offset(struct sock, sk_uid));
    return uid;
}

static __always_inline struct usage *usage_of_packet(struct __sk_buff *skb)
{
    struct bpf_sock *socket = skb->sk;

    if (!socket || skb->ifindex == LOOPBACK_INTERFACE)
        return 0;
    return usage_of_uid(owner_of(socket));
}

SEC("cgroup_skb/ingress")
int hm_received(struct __sk_buff *skb)
{
    struct usage *usage = usage_of_packet(skb);

    if (usage)
        __sync_fetch_and_add(&usage->rx_bytes, wire_bytes(skb));
    return PASS;
}

SEC("cgroup_skb/egress")
int hm_sent(struct __sk_buff *skb)
{
    struct usage *usage = usage_of_packet(skb);

    if (usage)
        __sync_fetch_and_add(&usage->tx_bytes, wire_bytes(skb));
    return PASS;
}

#endif
