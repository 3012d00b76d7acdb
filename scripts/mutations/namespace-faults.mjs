// Faults of network namespaces and containers.

const containers = 'test/join/containers.test.ts';

export const namespaceFaults = [
  {
    name: 'listener-of-any-namespace',
    file: 'src/join/candidate.ts',
    find: "if (had === 'no') return otherNamespace;",
    replace: '',
    tests: [containers],
    ci: true,
  },
  {
    name: 'call-home-of-any-place',
    file: 'src/join/candidate.ts',
    find: 'const isMeant = hasAddress && site?.isOwnPeer(host) !== true;',
    replace: 'const isMeant = hasAddress;',
    tests: ['test/join/call-home.test.ts'],
  },
  {
    name: 'call-home-of-tabled-addresses',
    file: 'src/join/capture-place.ts',
    find: 'return host.addresses.isUntabled(text) || this.had(host, text)',
    replace: 'return this.had(host, text)',
    tests: ['test/join/call-home.test.ts'],
  },
  {
    name: 'full-tuple-home-of-any-place',
    file: 'src/join/candidate.ts',
    find: 'sockets, true, site?.hasPeer(host) !== true);',
    replace: 'sockets, true, true);',
    tests: [containers],
  },
  {
    name: 'sole-call-home-of-any-place',
    file: 'src/join/sole-call.ts',
    find: ' || site.hasPeer(host)',
    replace: '',
    tests: [containers],
  },
  {
    name: 'accept-of-any-container',
    file: 'src/join/candidate.ts',
    find: 'if (mayBeContainers(host, socket) && isAnothers(trial, socket.pid)) return',
    replace: "if (host.id === '') return",
    tests: ['test/join/contested-accept.test.ts'],
  },
  {
    name: 'accept-of-listeners-of-any-namespace',
    file: 'src/join/candidate.ts',
    find: 'socket.pid === pid && socket.namespace !== undefined && isThere(socket.namespace)',
    replace: 'socket.pid === pid',
    tests: ['test/join/contested-accept.test.ts'],
  },
  {
    name: 'address-news-of-one-end',
    file: 'src/join/attribution.ts',
    find: 'for (const end of [...users]) this.#review(end.tracked);',
    replace: 'for (const end of [...users]) this.#reviewEnd(end);',
    tests: ['test/join/call-home.test.ts'],
  },
  {
    name: 'loopback-of-any-namespace',
    file: 'src/join/candidate.ts',
    find: 'return namespace === ownNamespace ? contested(match, trial, socket, isThere) : otherNamespace;',
    replace: 'return contested(match, trial, socket, isThere);',
    tests: [containers],
  },
  {
    name: 'shared-address-certain',
    file: 'src/join/candidate.ts',
    find: 'return addresses.isShared(local.text) ? shared(found) : found;',
    replace: 'return found;',
    tests: [containers],
  },
  {
    name: 'container-address-of-any-host',
    file: 'src/join/packet-site.ts',
    find: 'this.owner = host;',
    replace: 'void host;',
    tests: [containers],
  },
  {
    name: 'container-address-never-in-doubt',
    file: 'src/join/packet-site.ts',
    find: 'return this.#place.doubtOf(host, this.#local);',
    replace: 'return host.id === this.#local ? this.#place.doubtOf(host, this.#local) : undefined;',
    tests: [containers],
    ci: true,
  },
  {
    name: 'monitor-in-container',
    file: 'src/hosts/container.ts',
    find: '(?:docker|cri-containerd|crio|libpod|nerdctl)[-:]',
    replace: '(?:docker|cri-containerd|crio|libpod|nerdctl)[-:](?:conmon-)?',
    tests: ['test/hosts/container.test.ts'],
  },
];
