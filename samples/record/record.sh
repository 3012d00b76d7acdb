#!/bin/bash
# Records the sample scenarios anew: samples/record/record.sh [desktop] [intrusion] [nat] [--out FOLDER]
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
export PYTHONDONTWRITEBYTECODE=1

[ "$(id -u)" = 0 ] || { echo "record.sh: needs root, for network namespaces and for bpftrace" >&2; exit 1; }

# The scenario `nat` needs only what it runs.
needs=all
[ "$*" = nat ] || [[ "$*" == "nat --out "* ]] && needs=nat

missing=()
while read -r command package scenarios; do
  [ "$needs" = all ] || [ -n "$scenarios" ] || continue
  command -v "$command" > /dev/null || missing+=("$package")
done << 'PACKAGES'
python3 python3 nat
gcc gcc nat
ip iproute2 nat
ethtool ethtool nat
sysctl procps nat
tcpdump tcpdump nat
bpftrace bpftrace
curl curl nat
dig bind9-dnsutils
nc.openbsd netcat-openbsd
ssh openssh-client
sshd openssh-server
nginx nginx-light
dnsmasq dnsmasq-base
openssl openssl
setpriv util-linux nat
nft nftables nat
node nodejs nat
PACKAGES
if [ ${#missing[@]} -gt 0 ]; then
  echo "record.sh: missing Debian packages; run: apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 1
fi

# bpftrace finds the tracepoints in tracefs, which is mounted in a mount namespace of our own where it is missing.
if [ ! -d /sys/kernel/tracing/events ]; then
  exec unshare --mount bash -c 'mount -t tracefs tracefs /sys/kernel/tracing && exec "$@"' record python3 "$here/record.py" "$@"
fi
exec python3 "$here/record.py" "$@"
