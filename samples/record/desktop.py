"""An ordinary desktop (desk-1) and server (web-1), both watched; host `internet` is not."""

import time

import services

NAMES = '''192.0.2.10 desk-1.example.net desk-1
192.0.2.20 web-1.example.net web-1
198.51.100.7 www.example.org
2001:db8:1::10 desk-1-v6.example.net
2001:db8:1::20 web-1-v6.example.net
2001:db8:2::7 www-v6.example.org
'''
NETWORKS = ('192.0.2.0/24', '198.51.100.0/24', '2001:db8:1::/64', '2001:db8:2::/64')
PRECISION = 'micro'
FORMS = {'desk-1': 'full', 'web-1': 'audit'}

METRICS_SERVER = '''import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("192.0.2.20", 8125))
while True:
    data, peer = s.recvfrom(2048)
    s.sendto(b"ok " + data[:20], peer)
'''

# The datagram goes out from a socket that was never connected nor bound.
METRICS_CLIENT = '''import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(2)
s.sendto(sys.argv[1].encode(), ("192.0.2.20", 8125))
s.recvfrom(2048)
'''

FORKING_SERVER = '''import socketserver
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"you said " + self.rfile.readline())
class Server(socketserver.ForkingTCPServer):
    allow_reuse_address = True
Server(("192.0.2.20", 9100), Handler).serve_forever()
'''


def prepare(lab):
    desk = lab.host('desk-1', '192.0.2.10/24', '2001:db8:1::10/64')
    web = lab.host('web-1', '192.0.2.20/24', '2001:db8:1::20/64')
    internet = lab.host('internet', '198.51.100.7/24', '2001:db8:2::7/64')
    services.page(lab, web, 'index.html', 2500)
    services.page(lab, web, 'report.txt', 60000)
    services.page(lab, internet, 'news.html', 4000)
    lab.put(web, 'srv/metrics.py', METRICS_SERVER)
    lab.put(web, 'srv/forking.py', FORKING_SERVER)
    lab.put(desk, 'home/alice/metric.py', METRICS_CLIENT)
    lab.put(desk, 'home/bob/photo.bin', 'harmless ' * 4000, owner='bob')
    services.ssh_key(lab, desk, 'alice', [web])
    services.ssh_key(lab, desk, 'bob', [web])
    sessions = {name: lab.session(host, user) for name, host, user in (
        ('web_root', web, 'root'), ('web_bob', web, 'bob'), ('web_alice', web, 'alice'), ('alice', desk, 'alice'),
        ('bob', desk, 'bob'), ('internet', internet, 'root'))}
    root = sessions['web_root']
    services.nginx(lab, web, root)
    services.sshd(lab, web, root)
    services.dnsmasq(web, root, ['web-1.example.net,192.0.2.20,2001:db8:1::20', 'desk-1.example.net,192.0.2.10,2001:db8:1::10'],
                     upstream='198.51.100.7')
    services.dnsmasq(internet, sessions['internet'], ['www.example.org,198.51.100.7,2001:db8:2::7'])
    sessions['internet'].run('cd /srv/www && python3 -m http.server --bind :: 80 >/dev/null 2>&1 &')
    sessions['web_bob'].run('python3 /srv/metrics.py &')
    sessions['web_bob'].run('python3 /srv/forking.py &')
    sessions['web_bob'].run('nc -dlk 192.0.2.20 9000 > /tmp/notes.txt &')
    time.sleep(1.5)
    return [desk, web], sessions


def play(lab, s):
    alice, bob = s['alice'], s['bob']
    # Names are looked up with dig; programs take them from /etc/hosts (the C library's own lookups escape the shim).
    alice.run('dig +short @192.0.2.20 web-1.example.net A')
    alice.run('curl -s -o /dev/null http://web-1.example.net/index.html')
    alice.run('dig +short @2001:db8:1::20 web-1.example.net AAAA')
    alice.run('curl -s -o /dev/null http://web-1-v6.example.net/index.html')
    bob.run('curl -sk -o /dev/null https://web-1.example.net/report.txt')
    bob.run('curl -sk -o /dev/null https://web-1-v6.example.net/index.html')
    time.sleep(0.4)

    # A long session that the polls see, while others come and go.
    alice.start('ssh web-1 "uptime > /dev/null; sleep 9" &')
    alice.wait()
    bob.run('dig +short @192.0.2.20 www.example.org A')
    bob.run('dig +tcp +short @192.0.2.20 www.example.org AAAA')
    bob.run('curl -s -o /dev/null http://www.example.org/news.html')
    bob.run('ssh bob@web-1-v6.example.net "hostname; curl -s -o /dev/null http://www.example.org/news.html"')
    time.sleep(0.5)

    # Several clients of one port at the same time, of two users.
    for session in (alice, bob):
        session.start('( for i in 1 2 3 4 5; do curl -s -o /dev/null http://web-1.example.net/report.txt & done; wait )')
    alice.wait()
    bob.wait()
    alice.run('( for i in 1 2 3; do curl -s -o /dev/null http://web-1-v6.example.net/index.html & '
              'curl -sk -o /dev/null https://web-1.example.net/index.html & done; wait )')
    time.sleep(0.3)

    # A server that starts while the network is watched, dual-stack, and clients from the other host.
    bob.run('cd /srv && python3 -m http.server --bind :: 8000 >/dev/null 2>&1 &')
    time.sleep(1.2)
    s['web_alice'].run('curl -s -o /dev/null http://desk-1.example.net:8000/')
    s['web_alice'].run('curl -s -o /dev/null http://desk-1-v6.example.net:8000/')
    s['web_root'].run('curl -s -o /dev/null http://www-v6.example.org/news.html')

    # Small TCP and UDP services.
    alice.run('printf "buy milk\\n" | nc -N -w 2 web-1 9000')
    bob.run('printf "call home\\n" | nc -N -w 2 web-1 9000')
    for word in ('red', 'green', 'blue'):
        alice.start(f'printf "{word}\\n" | nc -w 2 web-1 9100 >/dev/null &')
        alice.wait()
    alice.run('python3 metric.py load:1')
    alice.run('python3 metric.py load:2')
    bob.run('echo disk:70 > /dev/udp/192.0.2.20/8125')
    bob.run('echo disk:71 | nc -u -w 1 web-1 8125 >/dev/null')

    # Refused, and refused from outside.
    alice.run('curl -s http://web-1.example.net:8081/ || true')
    bob.run('nc -z -w 2 web-1 3306 || true')
    s['internet'].run('curl -s -o /dev/null http://web-1.example.net/index.html')
    s['internet'].run('nc -z -w 2 192.0.2.20 23 || true')
    s['internet'].run('curl -s -o /dev/null http://web-1-v6.example.net/index.html')

    # The same five-tuple twice, by two processes: the server closes first, so the port is free again at once.
    for session in (alice, bob):
        session.run('curl -s -o /dev/null -H "Connection: close" --local-port 45000 http://web-1.example.net/index.html')
        time.sleep(0.6)

    # Processes of a few milliseconds, one after another.
    alice.run('for i in 1 2 3 4 5 6 7 8; do curl -s -o /dev/null http://web-1.example.net/index.html; done')
    bob.run('curl -s -o /dev/null --data-binary @photo.bin http://web-1.example.net/upload')
    bob.run('python3 -c "import urllib.request as u; u.urlopen(\'http://www.example.org/news.html\').read()"')
    time.sleep(2.5)
