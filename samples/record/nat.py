"""A gateway and a host of containers, both with nftables' NAT, between an inner network and web-1; host `internet` is not watched."""

import time

import recordings
import services

NAMES = '''192.0.2.1 gateway.example.net gateway
192.0.2.20 web-1.example.net web-1
192.0.2.30 docker-1.example.net docker-1
198.51.100.7 www.example.org
'''
NETWORKS = ('192.0.2.0/24', '198.51.100.0/24')
PRECISION = 'micro'
CONTAINER = 'c0ffee' * 10 + '0123'

GATEWAY_RULES = '''table ip nat {
  chain out { type nat hook postrouting priority srcnat; oifname "eth0" masquerade; }
  chain in {
    type nat hook prerouting priority dstnat;
    iifname "eth0" tcp dport 8080 dnat to 10.0.0.5:80;
    iifname "eth0" udp dport 8125 dnat to 10.0.0.5:8125;
  }
}
'''

# As Docker's own rules for `--publish 8081:80`.
DOCKER_RULES = '''table ip nat {
  chain out { type nat hook postrouting priority srcnat; ip saddr 172.17.0.0/16 oifname != "docker0" masquerade; }
  chain in { type nat hook prerouting priority dstnat; fib daddr type local tcp dport 8081 dnat to 172.17.0.2:80; }
}
'''

METRICS_SERVER = '''import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 8125))
while True:
    data, peer = s.recvfrom(2048)
    s.sendto(b"ok " + data[:20], peer)
'''

METRICS_CLIENT = '''import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(2)
s.sendto(sys.argv[2].encode(), (sys.argv[1], 8125))
s.recvfrom(2048)
'''

# Keeps its connection open from a port of its own choice, so that another host's of the same port meets it in the gateway.
HOLDER = '''import socket, sys, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((sys.argv[1], 45000))
s.connect(("192.0.2.20", 80))
s.sendall(b"GET /index.html HTTP/1.0\\r\\n\\r\\n")
time.sleep(1.5)
while s.recv(4096):
    pass
'''


def prepare(lab):
    gateway = lab.host('gateway', '192.0.2.1/24')
    web = lab.host('web-1', '192.0.2.20/24')
    docker = lab.host('docker-1', '192.0.2.30/24')
    internet = lab.host('internet', '198.51.100.7/24')
    gateway.bridge('lan0', '10.0.0.1/24')
    gateway.nftables(GATEWAY_RULES)
    docker.bridge('docker0', '172.17.0.1/16')
    docker.nftables(DOCKER_RULES)
    first, second = [lab.inside(f'pc-{n}', gateway, 'lan0', f'10.0.0.{4 + n}/24') for n in (1, 2)]
    shop = lab.container('shop', docker, 'docker0', '172.17.0.2/16', CONTAINER)
    for host in lab.hosts:
        lab.without_ipv6(host)
    for host in (web, internet, first, shop):
        services.page(lab, host, 'index.html', 900)
    for host in (web, first, second, shop):
        lab.put(host, 'srv/metrics.py', METRICS_SERVER)
        lab.put(host, 'srv/metric.py', METRICS_CLIENT)
        lab.put(host, 'srv/holder.py', HOLDER)
    hosts = {'gateway': gateway, 'web': web, 'docker': docker, 'internet': internet, 'pc1': first, 'pc2': second, 'shop': shop}
    sessions = {f'{name}_{user}': lab.session(host, user) for name, host in hosts.items() for user in ('root', 'alice', 'bob')}
    for name, address in (('web', '192.0.2.20'), ('internet', '198.51.100.7'), ('pc1', '10.0.0.5'), ('shop', '172.17.0.2')):
        sessions[f'{name}_root'].run(f'(cd /srv/www; exec python3 -m http.server --bind {address} 80 >/dev/null 2>&1) & echo $! > /srv/server.pid')
    sessions['web_bob'].run('python3 /srv/metrics.py 192.0.2.20 &')
    sessions['pc1_bob'].run('python3 /srv/metrics.py 10.0.0.5 &')
    time.sleep(2)
    return [gateway, web, docker, first, second], sessions


def observer(lab, watched):
    return recordings.Recordings(lab, watched)


def captures(lab, capture):
    """The captures behind the translations, beside that of the bridge between the hosts."""
    gateway, docker = [next(h for h in lab.hosts if h.name == name) for name in ('gateway', 'docker-1')]
    capture('inside.pcap', gateway.namespace, 'lan0')
    capture('containers.pcap', docker.namespace, 'docker0')


def play(lab, s):
    page = 'curl -s -o /dev/null --max-time 5 http://'
    # Out through the gateway, by TCP and UDP, to a watched host and to one that is not.
    s['pc1_alice'].run(f'{page}web-1/index.html')
    s['pc2_bob'].run(f'{page}www.example.org/index.html')
    s['pc1_alice'].run('python3 /srv/metric.py 192.0.2.20 load:1')
    time.sleep(0.4)
    # The gateway itself and the host of containers are no one behind them.
    s['gateway_root'].run(f'{page}web-1/index.html')
    s['docker_alice'].run(f'{page}web-1/index.html')
    time.sleep(0.4)
    # Two hosts with the same port at the same time: the gateway gives one of them another.
    s['pc1_alice'].start('python3 /srv/holder.py 10.0.0.5')
    time.sleep(0.5)
    s['pc2_bob'].run('python3 /srv/holder.py 10.0.0.6')
    s['pc1_alice'].wait()
    # In, through ports that the gateway publishes.
    s['web_bob'].run(f'{page}gateway:8080/index.html')
    s['internet_root'].run(f'{page}gateway:8080/index.html')
    s['web_alice'].run('python3 /srv/metric.py 192.0.2.1 disk:70')
    time.sleep(0.4)
    # A container, out and in.
    s['shop_alice'].run(f'{page}web-1/index.html')
    s['web_bob'].run(f'{page}docker-1:8081/index.html')
    time.sleep(0.4)
    # From behind one translation to behind the other.
    s['pc2_alice'].run(f'{page}docker-1:8081/index.html')
    s['shop_bob'].run(f'{page}gateway:8080/index.html')
    time.sleep(0.4)
    # Published, but nobody listens behind it any more.
    s['pc1_root'].run('kill $(cat /srv/server.pid); sleep 0.2')
    s['web_bob'].run(f'{page}gateway:8080/index.html || true')
