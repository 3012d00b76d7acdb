"""Programs that share, pass on or inherit sockets, or do without ports, between two hosts. Each says what it did as a line of JSON: who
called what (`pid`), which end that is, and the port (or `kind`) by which the connection is found.

    owner-traffic.py server RING ADDRESS              says "ready", serves until its input ends
    owner-traffic.py client RING ADDRESS PEER PEER6   does everything once
"""

import array, json, os, socket, struct, subprocess, sys, time

role, ring, own = sys.argv[1:4]
PORTS = dict(uring_connect=7001, uring_accept=7002, mmsg=7003, sendfile=7004, splice=7005, reuseport=7006, prefork=7007,
             accept_fork=7008, passed=7009, inherited=7010)


def tell(kind, end, pid, **more):
    # One write, so that lines of several processes stay whole.
    os.write(1, (json.dumps({'kind': kind, 'end': end, 'pid': pid, **more}) + '\n').encode())


def listener(kind, **options):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if options.get('reuse'):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind((own, PORTS[kind]))
    s.listen(16)
    return s


def answer(a):
    a.recv(65536)
    a.sendall(b'thanks')
    time.sleep(0.1)
    a.close()


def accept(kind, s):
    a, peer = s.accept()
    tell(kind, 'resp', os.getpid(), port=PORTS[kind], peer=peer[1])
    return a


def serve(kind, s):
    while True:
        answer(accept(kind, s))


def child(run):
    pid = os.fork()
    if pid == 0:
        try:
            run()
        finally:
            os._exit(0)
    return pid


def program(what, kind, address):
    """A run of io-uring.c; it says who it is and from where it spoke."""
    p = subprocess.Popen([ring, what, address, str(PORTS[kind])], stdout=subprocess.PIPE, text=True)
    return p


def finish(p, kind, end):
    pid, port = map(int, p.stdout.readline().split())
    tell(kind, end, pid, port=PORTS[kind], **({'peer': port} if end == 'orig' else {}))
    p.wait()


def accept_fork(s):
    while True:
        a = accept('accept_fork', s)
        child(lambda: (time.sleep(0.05), answer(a)))
        a.close()


def passing(s):
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

    def take():
        while True:
            _, rights, _, _ = right.recvmsg(1, socket.CMSG_SPACE(4))
            answer(socket.socket(fileno=array.array('i', rights[0][2])[0]))
    child(take)
    while True:
        a = accept('passed', s)
        left.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [a.fileno()]))])
        a.close()


def take_raw():
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 253)
    tell('raw_taken', 'resp', os.getpid())
    s.recv(65536)
    time.sleep(60)


def server():
    children = [child(take_raw)]
    for kind in ('uring_connect', 'sendfile', 'splice', 'inherited'):
        s = listener(kind)
        children.append(child(lambda: serve(kind, s)))
    for _ in range(2):
        s = listener('reuseport', reuse=True)
        children.append(child(lambda: serve('reuseport', s)))
        s.close()
    s = listener('prefork')
    children += [child(lambda: serve('prefork', s)) for _ in range(3)]
    s = listener('accept_fork')
    children.append(child(lambda: accept_fork(s)))
    t = listener('passed')
    children.append(child(lambda: passing(t)))
    runs = [(program('accept', 'uring_accept', own), 'uring_accept'), (program('recvmmsg', 'mmsg', own), 'mmsg')]
    for p, _ in runs:
        assert p.stdout.readline() == 'ready\n'
    os.write(1, b'ready\n')
    for p, kind in runs:
        finish(p, kind, 'resp')
    sys.stdin.read()
    os.killpg(0, 9)


def connect(kind):
    c = socket.create_connection((peer, PORTS[kind]))
    tell(kind, 'orig', os.getpid(), port=PORTS[kind], peer=c.getsockname()[1])
    return c


def end(c):
    c.recv(99)
    time.sleep(0.1)
    c.close()


def plain(kind):
    c = connect(kind)
    c.sendall(b'hello')
    end(c)


def sendfile():
    c = connect('sendfile')
    with open(__file__, 'rb') as f:
        os.sendfile(c.fileno(), f.fileno(), 0, 200)
    end(c)


def splice():
    c = connect('splice')
    r, w = os.pipe()
    os.write(w, b'hello')
    os.splice(r, c.fileno(), 5)
    end(c)


def inherited():
    c = connect('inherited')
    os.waitpid(child(lambda: (c.sendall(b'hello'), c.recv(99))), 0)
    c.close()


def raw_ping():
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
    header = struct.pack('!BBHHH', 8, 0, 0, 77, 1)
    s.sendto(struct.pack('!BBHHH', 8, 0, 0xffff - sum(struct.unpack('!4H', header)), 77, 1), (peer, 0))
    tell('ping', 'orig', os.getpid())
    time.sleep(0.2)


def ping_socket():
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, 58)
    s.sendto(struct.pack('!BBHHH', 128, 0, 0, 0, 1), (peer6, 0))
    tell('ping6', 'orig', os.getpid())
    time.sleep(0.2)


def send_raw(kind, protocol):
    socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol).sendto(b'x' * 20, (peer, 0))
    tell(kind, 'orig', os.getpid())
    time.sleep(0.2)


def group(kind, address):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own))
    s.sendto(b'hello', (address, 7020))
    tell(kind, 'orig', os.getpid(), to=address)
    time.sleep(0.2)


def inject(kind, port, past_queues):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    s.bind(('eth0', 0))
    s.setsockopt(263, 20, int(past_queues))  # SOL_PACKET, PACKET_QDISC_BYPASS
    time.sleep(1.5)  # a poll of packet sockets is due each second
    card = bytes.fromhex(open('/sys/class/net/eth0/address').read().strip().replace(':', ''))
    udp = struct.pack('!HHHH', 5555, port, 12, 0) + b'evil'
    head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, socket.inet_aton(own), socket.inet_aton(peer))
    total = sum(struct.unpack('!10H', head))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    head = head[:10] + struct.pack('!H', 0xffff - total) + head[12:]
    s.send(b'\xff' * 6 + card + b'\x08\x00' + head + udp)
    tell(kind, 'orig', os.getpid(), port=port)
    time.sleep(0.2)


def client():
    finish(program('connect', 'uring_connect', peer), 'uring_connect', 'orig')
    finish(program('sendmmsg', 'mmsg', peer), 'mmsg', 'orig')
    plans = [lambda: plain('uring_accept'), sendfile, splice, inherited, raw_ping, ping_socket,
             lambda: send_raw('raw', 253), lambda: send_raw('raw_untaken', 254),
             lambda: group('multicast', '224.0.0.251'), lambda: group('broadcast', peer.rsplit('.', 1)[0] + '.255'),
             lambda: inject('injected', 7021, False), lambda: inject('injected_past', 7022, True)]
    for kind in ('reuseport', 'prefork', 'accept_fork', 'passed'):
        plans += [lambda kind=kind: plain(kind)] * 6
    for pid in [child(plan) for plan in plans]:
        os.waitpid(pid, 0)


if role == 'server':
    os.setpgid(0, 0)
    server()
else:
    peer, peer6 = sys.argv[4:6]
    client()
