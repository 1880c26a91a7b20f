"""What an attacker puts between the packets of a session, after Ptacek and Newsham ("Insertion, Evasion, and Denial of Service", 1998).

Each case says what receivers do (`receiver`), and what the sensor has to make of it:
  TRUE       the facts are those of the honest session, and nothing is raised about TCP
  AMBIGUOUS  receivers differ, or what the sensor sees does not tell what reached the receiver: the conflict is counted and raised
  UNKNOWN    the facts concerned are missing from the record, and a counter says why
"""
import dataclasses
import typing

from wire import ACK, FIN, PSH, RST, SYN, URG, Talk, ipv4

TRUE, AMBIGUOUS, UNKNOWN = "true", "ambiguous", "unknown"
MAIL = b"MAIL FROM:<alice@example.org>\r\n"
FAKE = b"MAIL FROM:<mallo@example.com>\r\n"  # as long
assert len(MAIL) == len(FAKE)


@dataclasses.dataclass
class Case:
    name: str
    make: typing.Callable
    outcome: str
    receiver: str
    counters: dict  # of health: at least so many


CASES = []


def case(outcome, receiver, **counters):
    def register(make):
        CASES.append(Case(make.__name__, make, outcome, receiver, counters))
        return make

    return register


def session(attack, *, mail=MAIL, **talk_options):
    """A session with `attack` between the reply to EHLO and MAIL. `mail` None: the attack sends MAIL itself."""
    talk = Talk(**talk_options)
    talk.greet()
    attack(talk)
    talk.send_mail(mail)
    talk.quit()
    return talk


# --- overlaps in segments


@case(AMBIGUOUS, "data that was taken is not taken again: the first copy counts; who forged the second is not known", conflicting_overlaps=1)
def retransmission_differs_after_ack():
    def attack(talk):
        talk.say(talk.client, MAIL)
        talk.forge(talk.client, PSH | ACK, FAKE, at=talk.client.next - len(FAKE))

    return session(attack, mail=None)


@case(AMBIGUOUS, "in order, the first copy is handed on at once, acknowledged or not", conflicting_overlaps=1)
def retransmission_differs_before_ack():
    def attack(talk):
        talk.say(talk.client, MAIL, acked=False)
        talk.forge(talk.client, PSH | ACK, FAKE, at=talk.client.next - len(FAKE))
        talk.acknowledge(talk.server)

    return session(attack, mail=None)


@case(AMBIGUOUS, "the part that is new is taken, the part that was taken before is not (RFC 9293 3.10.7.4)", conflicting_overlaps=1)
def overlap_of_old_and_new():
    def attack(talk):
        half = len(MAIL) // 2
        talk.say(talk.client, MAIL[:half])
        talk.client.next -= half
        talk.forge(talk.client, PSH | ACK, b"X" * half + MAIL[half:])
        talk.client.next += len(MAIL)
        talk.acknowledge(talk.server)

    return session(attack, mail=None)


@case(AMBIGUOUS, "two early copies: Linux and BSD keep the first, others the last (Novak, Target-Based TCP Stream Reassembly)", conflicting_overlaps=1)
def early_overlap_old_first():
    def attack(talk):
        at = talk.client.next
        talk.forge(talk.client, PSH | ACK, MAIL[8:], at=at + 8)
        talk.forge(talk.client, PSH | ACK, FAKE[8:], at=at + 8)
        talk.say(talk.client, MAIL[:8], acked=False)
        talk.client.next += len(MAIL) - 8
        talk.acknowledge(talk.server)

    return session(attack, mail=None)


@case(AMBIGUOUS, "the same, and the forged copy comes first: the sensor cannot know, and says so", conflicting_overlaps=1)
def early_overlap_new_first():
    def attack(talk):
        at = talk.client.next
        talk.forge(talk.client, PSH | ACK, FAKE[8:], at=at + 8)
        talk.forge(talk.client, PSH | ACK, MAIL[8:], at=at + 8)
        talk.say(talk.client, MAIL[:8], acked=False)
        talk.client.next += len(MAIL) - 8
        talk.acknowledge(talk.server)

    return session(attack, mail=None)


@case(AMBIGUOUS, "an early copy, then the whole line in order with other bytes", conflicting_overlaps=1)
def early_copy_then_in_order():
    def attack(talk):
        at = talk.client.next
        talk.forge(talk.client, PSH | ACK, FAKE[11:16], at=at + 11)
        talk.say(talk.client, MAIL)

    return session(attack, mail=None)


@case(TRUE, "the same bytes again, cut otherwise, are no news", retransmitted=1)
def retransmission_cut_otherwise():
    def attack(talk):
        talk.say(talk.client, MAIL)
        begin = talk.client.next - len(MAIL)
        for i in range(0, len(MAIL), 7):
            talk.forge(talk.client, PSH | ACK, MAIL[i : i + 7], at=begin + i)

    return session(attack, mail=None)


# --- what receivers drop


@case(TRUE, "a wrong TCP checksum: dropped (RFC 9293 3.1)", bad_checksums_dropped=1)
def bad_tcp_checksum():
    return session(lambda talk: talk.forge(talk.client, PSH | ACK, FAKE, bad_checksum=True))


@case(TRUE, "a wrong IP header checksum: dropped (RFC 1122 3.2.1.2)", bad_checksums_dropped=1)
def bad_ip_checksum():
    return session(lambda talk: talk.forge(talk.client, PSH | ACK, FAKE, ip={"bad_checksum": True}))


@case(TRUE, "a RST with a wrong checksum: dropped", bad_checksums_dropped=1)
def reset_with_bad_checksum():
    return session(lambda talk: talk.forge(talk.client, RST | ACK, bad_checksum=True))


@case(TRUE, "before the window: dropped, answered with an acknowledgement")
def data_before_the_window():
    return session(lambda talk: talk.forge(talk.client, PSH | ACK, FAKE, at=-200_000))


@case(TRUE, "behind the window: dropped (RFC 9293 3.10.7.4); no acknowledgement ever covers it")
def data_behind_the_window():
    return session(lambda talk: talk.forge(talk.client, PSH | ACK, FAKE, at=talk.client.next + 100_000))


@case(TRUE, "far behind the window: dropped")
def data_far_behind_the_window():
    return session(lambda talk: talk.forge(talk.client, PSH | ACK, FAKE, at=talk.client.next + (1 << 30) + 5))


@case(TRUE, "without ACK: dropped (RFC 9293 3.10.7.4, fifth)")
def data_without_ack():
    return session(lambda talk: talk.forge(talk.client, PSH, FAKE))


@case(TRUE, "acknowledges what was never sent: dropped, answered with an acknowledgement (RFC 9293 3.10.7.4, RFC 5961 5)")
def data_with_impossible_ack():
    return session(lambda talk: talk.forge(talk.client, PSH | ACK, FAKE, ack=1_000_000_000))


@case(AMBIGUOUS, "dies on the way, which the sensor cannot see: the true bytes come behind it and differ", conflicting_overlaps=1)
def short_ttl():
    return session(lambda talk: talk.forge(talk.client, PSH | ACK, FAKE, ip={"ttl": 2}))


@case(AMBIGUOUS, "an older timestamp than the last: dropped (PAWS, RFC 7323 5); the true bytes differ", conflicting_overlaps=1)
def old_timestamp():
    return session(lambda talk: talk.forge(talk.client, PSH | ACK, FAKE, tsval=1), timestamps=True)


# --- RST, FIN, SYN


@case(TRUE, "a RST outside the window: dropped (RFC 5961 3.2)")
def reset_outside_the_window():
    return session(lambda talk: talk.forge(talk.client, RST, at=talk.client.next + 200_000))


@case(TRUE, "a RST before the window: dropped")
def reset_before_the_window():
    return session(lambda talk: talk.forge(talk.client, RST, at=talk.client.next - 10))


@case(TRUE, "a RST in the window, not at its edge: challenged, the connection goes on (RFC 5961 3.2)", ends_revoked=1)
def reset_inside_the_window():
    return session(lambda talk: talk.forge(talk.client, RST, at=talk.client.next + 100))


@case(TRUE, "a RST that dies on the way: the connection goes on, both sides acknowledge", ends_revoked=1)
def reset_with_short_ttl():
    return session(lambda talk: talk.forge(talk.client, RST | ACK, ip={"ttl": 2}))


@case(TRUE, "the server's RST that dies on the way", ends_revoked=1)
def reset_of_server_with_short_ttl():
    return session(lambda talk: talk.forge(talk.server, RST | ACK, ip={"ttl": 2}))


@case(TRUE, "a FIN outside the window: dropped")
def fin_outside_the_window():
    return session(lambda talk: talk.forge(talk.client, FIN | ACK, at=talk.client.next + 200_000))


@case(TRUE, "a FIN before the window: dropped")
def fin_before_the_window():
    return session(lambda talk: talk.forge(talk.client, FIN | ACK, at=talk.client.next - 10))


@case(TRUE, "a FIN that dies on the way: more is acknowledged than lies before it", ends_revoked=1)
def fin_with_short_ttl():
    return session(lambda talk: talk.forge(talk.client, FIN | ACK, ip={"ttl": 2}))


@case(TRUE, "an early FIN (ahead of a hole) that is never acknowledged: the connection goes on over it", ends_revoked=1)
def fin_in_the_window():
    return session(lambda talk: talk.forge(talk.client, FIN | ACK, at=talk.client.next + 10))


@case(TRUE, "a SYN in the window: challenged, the connection goes on (RFC 5961 4.2)")
def syn_inside_the_window():
    return session(lambda talk: talk.forge(talk.client, SYN, at=talk.client.next + 5))


@case(TRUE, "data behind the FIN: no such data can be (RFC 9293 3.10.4)")
def data_behind_the_fin():
    talk = Talk()
    talk.greet()
    talk.send_mail()
    talk.say(talk.client, b"QUIT\r\n")
    talk.say(talk.server, b"221 bye\r\n")
    talk.close()
    talk.forge(talk.client, PSH | ACK, b"EHLO evil.example.com\r\n" + FAKE)
    talk.forge(talk.server, RST)
    return talk


@case(TRUE, "data in a SYN without a cookie is not acknowledged, and comes again (RFC 7413 3)")
def data_in_syn_refused():
    talk = Talk()
    talk.open(syn_payload=b"EHLO evil.example.com\r\n")
    talk.say(talk.server, b"220 mx.example.net ESMTP\r\n")
    talk.say(talk.client, b"EHLO out.example.org\r\n")
    talk.say(talk.server, b"250-mx.example.net\r\n250 SIZE 1000\r\n")
    talk.send_mail()
    talk.quit()
    return talk


@case(TRUE, "data in a SYN that the SYN-ACK acknowledges was taken (TCP Fast Open, RFC 7413)")
def data_in_syn_accepted():
    talk = Talk()
    hello = b"EHLO out.example.org\r\n"
    talk.forge(talk.client, SYN, hello, at=-1)
    talk.client.next = len(hello)
    talk.forge(talk.server, SYN | ACK, at=-1)
    talk.acknowledge(talk.client)
    talk.say(talk.server, b"220 mx.example.net ESMTP\r\n250-mx.example.net\r\n250 SIZE 1000\r\n")
    talk.send_mail()
    talk.quit()
    return talk


# --- urgent data, odd segments, numbers that wrap


@case(TRUE, "the urgent byte leaves the stream (BSD, Linux, Windows, unless the program asks for it in line; RFC 6093 2)")
def urgent_byte():
    def attack(talk):
        line = MAIL[:12] + b"X" + MAIL[12:]
        talk.forge(talk.client, PSH | ACK | URG, line, urgent=13)
        talk.client.next += len(line)
        talk.acknowledge(talk.server)

    return session(attack, mail=None)


@case(TRUE, "an urgent pointer without the flag means nothing")
def urgent_pointer_without_flag():
    def attack(talk):
        talk.forge(talk.client, PSH | ACK, MAIL, urgent=13)
        talk.client.next += len(MAIL)
        talk.acknowledge(talk.server)

    return session(attack, mail=None)


@case(TRUE, "segments without data and keep-alives, with one byte that means nothing, change nothing (RFC 9293 3.8.4)")
def empty_segments_and_keep_alives():
    def attack(talk):
        talk.forge(talk.client, PSH | ACK)
        talk.forge(talk.client, ACK, at=talk.client.next - 1)
        talk.forge(talk.client, ACK, b"\0", at=talk.client.next - 1)
        talk.acknowledge(talk.server)
        talk.forge(talk.server, 0)
        talk.forge(talk.client, SYN | FIN | RST | PSH | ACK | URG, at=talk.client.next + 300_000)

    return session(attack)


@case(TRUE, "sequence numbers wrap in the midst of a command")
def wrapped_sequence_numbers():
    return session(lambda talk: None, client_isn=0xFFFFFFFF - 30, server_isn=0xFFFFFFFF - 60)


@case(TRUE, "sequence numbers wrap within the handshake")
def wrapped_at_the_handshake():
    return session(lambda talk: None, client_isn=0xFFFFFFFF, server_isn=0xFFFFFFFE)


@case(TRUE, "one byte a segment, the last first")
def one_byte_segments_backwards():
    def attack(talk):
        at = talk.client.next
        for i in reversed(range(len(MAIL))):
            talk.forge(talk.client, PSH | ACK, MAIL[i : i + 1], at=at + i)
        talk.client.next += len(MAIL)
        talk.acknowledge(talk.server)

    return session(attack, mail=None)


# --- fragments


def fragments(talk, side, segment, cuts, ident=7777, ttl=64):
    """The packet cut at `cuts`: (frame, offset) each."""
    edges = [0, *cuts, len(segment)]
    peer = talk.other(side)
    return [
        ipv4(side.address, peer.address, segment[a:b], ident=ident, offset=a, more=b < len(segment), ttl=ttl) for a, b in zip(edges, edges[1:])
    ]


@case(TRUE, "fragments that cut the TCP header itself")
def tiny_fragments():
    def attack(talk):
        for frame in fragments(talk, talk.client, talk.segment(talk.client, PSH | ACK, MAIL), [8, 16, 24, 32]):
            talk.put(frame)
        talk.client.next += len(MAIL)
        talk.acknowledge(talk.server)

    return session(attack, mail=None)


@case(TRUE, "fragments in the wrong order, one of them twice")
def fragments_out_of_order():
    def attack(talk):
        frames = fragments(talk, talk.client, talk.segment(talk.client, PSH | ACK, MAIL), [24, 32])
        for frame in (frames[2], frames[1], frames[1], frames[0]):
            talk.put(frame)
        talk.client.next += len(MAIL)
        talk.acknowledge(talk.server)

    return session(attack, mail=None)


def overlapping_fragments(talk, first, second):
    """Both versions of the middle fragment; receivers that do not drop it all choose by system (Shankar and Paxson, 2003)."""
    true = fragments(talk, talk.client, talk.segment(talk.client, PSH | ACK, MAIL), [24, 40])
    fake = fragments(talk, talk.client, talk.segment(talk.client, PSH | ACK, FAKE), [24, 40])
    versions = {"true": true[1], "fake": fake[1]}
    for frame in (true[2], versions[first], versions[second], true[0]):
        talk.put(frame)
    talk.client.next += len(MAIL)
    talk.acknowledge(talk.server)


@case(UNKNOWN, "fragments that overlap and differ: the datagram is dropped (RFC 5722, Linux for IPv4 too), others choose", fragments_dropped=1)
def fragment_overlap_old_first():
    return session(lambda talk: overlapping_fragments(talk, "true", "fake"), mail=None)


@case(UNKNOWN, "the same, the forged one first", fragments_dropped=1)
def fragment_overlap_new_first():
    return session(lambda talk: overlapping_fragments(talk, "fake", "true"), mail=None)


@case(TRUE, "the datagram with a forged fragment is dropped, and the segment sent again", fragments_dropped=1)
def fragment_overlap_then_retransmission():
    def attack(talk):
        true = fragments(talk, talk.client, talk.segment(talk.client, PSH | ACK, MAIL), [24, 40])
        fake = fragments(talk, talk.client, talk.segment(talk.client, PSH | ACK, FAKE), [24, 40])
        for frame in (true[0], fake[1], true[1], true[2]):
            talk.put(frame)

    return session(attack)


@case(TRUE, "a fragment with a wrong IP header checksum: dropped", fragments_dropped=1)
def fragment_with_bad_ip_checksum():
    def attack(talk):
        segment, forged = (talk.segment(talk.client, PSH | ACK, line) for line in (MAIL, FAKE))
        frames = fragments(talk, talk.client, segment, [24, 40])
        bad = ipv4(talk.client.address, talk.server.address, forged[24:40], ident=7777, offset=24, more=True, bad_checksum=True)
        for frame in (frames[0], bad, frames[1], frames[2]):
            talk.put(frame)
        talk.client.next += len(MAIL)
        talk.acknowledge(talk.server)

    return session(attack, mail=None)


@case(TRUE, "fragments of which one dies on the way never make a datagram; the true one has another number")
def fragment_that_never_completes():
    def attack(talk):
        for frame in fragments(talk, talk.client, talk.segment(talk.client, PSH | ACK, FAKE), [24], ident=8888)[:1]:
            talk.put(frame)

    return session(attack)
