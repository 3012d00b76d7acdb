"""Servers that both scenarios run: configuration files and the command lines that start them."""

import os

from lab import run

NGINX = '''worker_processes 2;
user www-data;
pid /srv/nginx.pid;
error_log /srv/nginx-error.log;
events {}
http {
    access_log off;
    default_type text/plain;
    client_body_temp_path /srv/nginx-body;
    proxy_temp_path /srv/nginx-proxy;
    fastcgi_temp_path /srv/nginx-fastcgi;
    uwsgi_temp_path /srv/nginx-uwsgi;
    scgi_temp_path /srv/nginx-scgi;
    server {
        listen 80;
        listen [::]:80;
        listen 443 ssl;
        listen [::]:443 ssl;
        ssl_certificate /srv/tls.crt;
        ssl_certificate_key /srv/tls.key;
        root /srv/www;
        location = /upload { client_max_body_size 1m; proxy_pass http://127.0.0.1:81/; }
    }
    server { listen 127.0.0.1:81; location / { return 200 "stored\\n"; } }
}
'''

SSHD = '''Port 22
AddressFamily any
HostKey /srv/ssh_host_ed25519_key
AuthorizedKeysFile .ssh/authorized_keys
PidFile /srv/sshd.pid
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PrintMotd no
PrintLastLog no
'''


def page(lab, host, name, size):
    line = f'{host.name} {name} '
    lab.put(host, f'srv/www/{name}', (line * (size // len(line) + 1))[:size] + '\n')


def nginx(lab, host, root):
    lab.put(host, 'srv/nginx.conf', NGINX)
    run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '3650',
        '-subj', f'/CN={host.name}.example.net', '-keyout', os.path.join(host.files, 'srv/tls.key'), '-out',
        os.path.join(host.files, 'srv/tls.crt'))
    root.run('nginx -e /srv/nginx-error.log -c /srv/nginx.conf')


def sshd(lab, host, root):
    """A real sshd. The user's programs get a fresh environment from it, so the shim is handed on with SetEnv."""
    run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', host.name, '-f', os.path.join(host.files, 'srv/ssh_host_ed25519_key'))
    lab.put(host, 'srv/sshd_config', SSHD + 'SetEnv ' + ' '.join(host.shim_environment()) + '\n')
    root.run('/usr/sbin/sshd -f /srv/sshd_config')


def ssh_key(lab, host, user, targets):
    """Gives `user` on `host` a key that opens the same account on the targets."""
    folder = f'home/{user}/.ssh'
    lab.put(host, f'{folder}/config', 'StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nLogLevel ERROR\n', 0o600, user)
    key = os.path.join(host.files, folder, 'id_ed25519')
    run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', f'{user}@{host.name}', '-f', key)
    for name in (key, key + '.pub', os.path.dirname(key)):
        uid = os.stat(os.path.join(host.files, f'home/{user}')).st_uid
        os.chown(name, uid, uid)
    os.chmod(os.path.dirname(key), 0o700)
    with open(key + '.pub', encoding='utf-8') as file:
        public = file.read()
    for target in targets:
        lab.put(target, f'home/{user}/.ssh/authorized_keys', public, 0o600, user)
        uid = os.stat(os.path.join(target.files, f'home/{user}')).st_uid
        os.chown(os.path.join(target.files, folder), uid, uid)


def dnsmasq(host, root, records, upstream=None):
    listen = ' '.join(f'--listen-address={a.split("/")[0]}' for a in host.addresses)
    names = ' '.join(f'--host-record={r}' for r in records)
    forward = f'--server={upstream}' if upstream else '--local=/#/'
    root.run(f'dnsmasq --conf-file=/dev/null --no-hosts --no-resolv --bind-interfaces {listen} {names} {forward} '
             '--pid-file=/srv/dnsmasq.pid --user=nobody --group=nogroup')
