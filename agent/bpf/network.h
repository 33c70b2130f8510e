/* Bytes that sockets receive and send, as Ethernet carries them. */
#ifndef HOSTMETER_NETWORK_H
#define HOSTMETER_NETWORK_H

#define LOOPBACK_INTERFACE 1
#define ETHERNET_HEADER 14
#define IPV6_HEADER 40
#define UDP_HEADER 8
#define TCP 6
#define UDP 17
#define PASS 1

/* Headers of a packet from IP up to TCP or UDP, which every segment of it repeats. */
static __always_inline __u32 headers(struct __sk_buff *skb)
{
    __u8 first = 0, protocol = 0, offset = 0;
    __u32 ip;

    bpf_skb_load_bytes(skb, 0, &first, 1);
    if (first >> 4 == 4) {
        ip = (first & 15) * 4;
        bpf_skb_load_bytes(skb, 9, &protocol, 1);
    } else {
        ip = IPV6_HEADER;
        bpf_skb_load_bytes(skb, 6, &protocol, 1);
    }
    if (protocol == UDP)
        return ip + UDP_HEADER;
    if (protocol != TCP)
        return ip;
    bpf_skb_load_bytes(skb, ip + 12, &offset, 1);
    return ip + (offset >> 4) * 4;
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
    __u64 address = 0;
    __u32 uid = 0;

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
    return usage_of(slot_of(owner_of(socket)));
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
