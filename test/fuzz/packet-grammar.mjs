// Packets made by their grammar: link layers, tags, IP with extension headers, every tunnel, TCP, UDP, ICMP, fragments. Lengths and
// checks are right for the most part and wrong now and then, so that what lies deep inside is reached.
//
// A packet is written from its end to its start, so that every header knows how much follows it.

const ROOM = 4096;
/** Ports of tunnels and of protocols that are treated apart. */
const PORTS = [4789, 6081, 2152, 2123, 3544, 5072, 4754, 53, 137, 80, 443, 22, 40_000, 40_001, 0, 65_535];
const HOSTS = [0xc0000201, 0xc0000202, 0xc6336401, 0xffffffff, 0x7f000001];
const TEREDO = 0x20010000;

export class PacketGrammar {
  #bytes = Buffer.alloc(ROOM);
  #at = ROOM;

  /** `random(n)` gives a number below n. */
  constructor(random) {
    this.random = random;
  }

  /** A frame: its link type and bytes; the bytes are void at the next call. */
  frame() {
    this.#at = ROOM;
    this.#datagram(0);
    const type = this.#link();
    this.#spoil();
    return { type, bytes: this.#bytes.subarray(this.#at) };
  }

  /** Fragments of one datagram, in any order, some missing or overlapping, as Ethernet frames. */
  fragments() {
    this.#at = ROOM;
    this.#datagram(0);
    const whole = Buffer.from(this.#bytes.subarray(this.#at));
    const isSix = whole[0] >> 4 === 6;
    const headerBytes = isSix ? 40 : 20;
    const payload = whole.subarray(headerBytes);
    const id = this.random(4);
    const frames = [];
    for (let offset = 0; offset < payload.length; ) {
      const size = 8 * (1 + this.random(12));
      const start = Math.max(0, offset - 8 * (this.random(4) === 0 ? this.random(3) : 0));
      const part = payload.subarray(start, offset + size);
      const more = offset + size < payload.length ? 1 : 0;
      this.#at = ROOM;
      this.#put(part);
      if (isSix) {
        this.#u32(id);
        this.#u16(start | more);
        this.#u8(0);
        this.#u8(whole[6]);
        this.#ip6(44);
      } else this.#ip4(whole[9], id, (start >> 3) | (more << 13));
      this.#ethernet(isSix ? 0x86dd : 0x0800);
      this.#spoil();
      if (this.random(8) > 0) frames.push({ type: 1, bytes: Buffer.from(this.#bytes.subarray(this.#at)) });
      offset += size;
    }
    for (let i = frames.length - 1; i > 0; i--) {
      const j = this.random(i + 1);
      [frames[i], frames[j]] = [frames[j], frames[i]];
    }
    return frames;
  }

  #u8(value) {
    this.#bytes[--this.#at] = value;
  }

  #u16(value) {
    this.#at -= 2;
    this.#bytes.writeUInt16BE(value & 0xffff, this.#at);
  }

  #u32(value) {
    this.#at -= 4;
    this.#bytes.writeUInt32BE(value >>> 0, this.#at);
  }

  #put(bytes) {
    this.#at -= bytes.length;
    this.#bytes.set(bytes, this.#at);
  }

  get #length() {
    return ROOM - this.#at;
  }

  #some(most) {
    for (let left = this.random(most + 1); left > 0; left--) this.#u8(this.random(256));
  }

  /** An IP datagram, in tunnels now and then. */
  #datagram(depth) {
    const tunnel = depth < 6 && this.#length < ROOM / 2 ? this.random(12) : 99;
    switch (tunnel) {
      case 0:
        this.#inEthernet(depth);
        this.#u32(this.random(1 << 24) << 8);
        this.#u32(this.random(8) === 0 ? 0 : 0x08000000);
        return this.#overUdp(4789);
      case 1:
        return this.#geneve(depth);
      case 2:
        return this.#gtp(depth);
      case 3:
        return this.#teredo(depth);
      case 4:
      case 5:
        return this.#gre(depth, tunnel === 4);
      case 6: {
        this.#datagram(depth + 1);
        const version = this.#bytes[this.#at] >> 4;
        return this.#ip(version === 6 ? 41 : 4);
      }
      case 7:
        this.#datagram(depth + 1);
        this.#u8(this.random(3) === 0 ? 59 : 41);
        this.#u8(0x11);
        this.#u8(0x52);
        this.#u8(0x44);
        this.#u32(this.random(256));
        for (let i = 0; i < 9; i++) this.#u32(this.random(1 << 30));
        return this.#overUdp(5072);
      default:
        return this.#transport();
    }
  }

  #inEthernet(depth) {
    this.#datagram(depth + 1);
    this.#ethernet(this.#bytes[this.#at] >> 4 === 6 ? 0x86dd : 0x0800);
  }

  #geneve(depth) {
    if (this.random(2) === 0) this.#inEthernet(depth);
    else this.#datagram(depth + 1);
    const type = this.random(2) === 0 ? 0x6558 : this.#bytes[this.#at] >> 4 === 6 ? 0x86dd : 0x0800;
    const options = this.random(4);
    for (let i = 0; i < options; i++) this.#u32(this.random(1 << 30));
    this.#u32(this.random(1 << 30));
    this.#u16(type);
    this.#u8(0);
    this.#u8((this.random(8) === 0 ? 0x40 : 0) | options);
    this.#overUdp(6081);
  }

  #gtp(depth) {
    this.#datagram(depth + 1);
    const extended = this.random(3) === 0;
    if (extended) {
      for (let i = this.random(3); i > 0; i--) this.#put([1, this.random(256), this.random(256), i === 1 ? 0 : 0x85]);
      this.#u32(this.random(3) === 0 ? 0x85 : 0);
    }
    const length = this.#length;
    this.#u32(this.random(1 << 30));
    this.#u16(length);
    this.#u8(this.random(6) === 0 ? 1 : 255);
    this.#u8(0x30 | (extended ? 4 + this.random(4) : 0));
    this.#overUdp(2152);
  }

  #teredo(depth) {
    this.#datagram(depth + 1);
    if (this.random(3) === 0) {
      this.#some(6);
      this.#u16(0);
    }
    if (this.random(4) === 0) {
      for (let i = 0; i < 9; i++) this.#u8(this.random(256));
      this.#u16(this.random(3) === 0 ? 0x0404 : 0);
      this.#u16(1);
    }
    this.#overUdp(this.random(2) === 0 ? 3544 : 40_000);
  }

  #gre(depth, overUdp) {
    const kind = this.random(5);
    let type = 0x0800;
    let flags = 0;
    if (kind === 0) {
      this.#inEthernet(depth);
      type = 0x6558;
    } else if (kind === 1) {
      this.#inEthernet(depth);
      flags = 0x1000;
      const third = this.random(2) === 0;
      for (let i = third ? 3 : 2; i > 0; i--) this.#u32(this.random(1 << 30));
      this.#bytes[this.#at] = (third ? 0x20 : 0x10) | this.random(16);
      type = third ? 0x22eb : 0x88be;
    } else if (kind === 2) {
      this.#datagram(depth + 1);
      this.#u16(this.#bytes[this.#at] >> 4 === 6 ? 0x57 : 0x21);
      this.#u16(0xff03);
      type = 0x880b;
      flags = 0x2001;
    } else {
      this.#datagram(depth + 1);
      if (this.#bytes[this.#at] >> 4 === 6) type = 0x86dd;
      if (this.random(6) === 0) type = 0x8200 + 16 * this.random(20);
    }
    if (this.random(4) === 0) flags |= [0x8000, 0x2000, 0x1000, 0x0080, 0x4000][this.random(5)];
    for (const bit of [0x0080, 0x1000, 0x2000, 0x8000]) if ((flags & bit) !== 0) this.#u32(this.random(1 << 30));
    this.#u16(type);
    this.#u16(flags);
    if (overUdp) this.#overUdp(4754);
    else this.#ip(47);
  }

  #transport() {
    this.#some(this.random(6) === 0 ? 600 : 40);
    const kind = this.random(10);
    if (kind < 5) {
      for (let i = this.random(4) === 0 ? this.random(11) : 0; i > 0; i--) this.#u32(this.random(1 << 30));
      const words = 5 + Math.min(10, this.#length >> 2 > 0 ? this.random(3) : 0);
      this.#u32(0);
      this.#u16(this.random(5) === 0 ? 0 : 4096);
      this.#u8([2, 18, 16, 16, 24, 24, 17, 4, 20, this.random(256)][this.random(10)]);
      this.#u8((this.random(12) === 0 ? this.random(16) : words) << 4);
      this.#u32(this.random(200));
      this.#u32(this.random(200) + (this.random(10) === 0 ? 0xffffff00 : 0));
      this.#u16(this.#port());
      this.#u16(this.#port());
      this.#ip(6);
    } else if (kind < 8) this.#overUdp(this.#port());
    else if (kind === 8) {
      this.#u32(this.random(3));
      this.#u16(0);
      this.#u8(this.random(3));
      this.#u8([8, 0, 3, 13, 128, 129, 143, 135, this.random(256)][this.random(9)]);
      this.#ip(this.random(2) === 0 ? 1 : 58);
    } else this.#ip([2, 132, 50, 51, 59, 0, 135, this.random(256)][this.random(8)]);
  }

  #port() {
    return PORTS[this.random(PORTS.length)];
  }

  #overUdp(port) {
    const length = this.#length + 8;
    this.#u16(0);
    this.#u16(this.random(20) === 0 ? this.random(200) : length);
    if (this.random(6) === 0) {
      this.#u16(this.#port());
      this.#u16(port);
    } else {
      this.#u16(port);
      this.#u16(this.#port());
    }
    this.#ip(17);
  }

  #ip(proto) {
    if (this.random(3) === 0) this.#ip6(this.#extensions(proto));
    else this.#ip4(proto, this.random(4), this.random(40) === 0 ? this.random(65_536) : 0);
  }

  #ip4(proto, id, fragment) {
    const total = this.#length + 20;
    this.#u32(HOSTS[this.random(HOSTS.length)]);
    this.#u32(HOSTS[this.random(HOSTS.length)]);
    this.#u16(0);
    this.#u8(proto);
    this.#u8(64);
    this.#u16(fragment);
    this.#u16(id);
    this.#u16(this.random(30) === 0 ? this.random(100) : total);
    this.#u8(0);
    this.#u8(this.random(30) === 0 ? 0x40 | this.random(16) : 0x45);
  }

  /** Extension headers before `proto`; gives the type of the first header. */
  #extensions(proto) {
    let next = proto;
    for (let count = this.random(4) === 0 ? 1 + this.random(4) : 0; count > 0; count--) {
      const type = [0, 60, 43, 51, 44][this.random(5)];
      const units = type === 44 ? 0 : this.random(3);
      for (let i = 0; i < (type === 51 ? units * 4 : 6 + units * 8 - 2); i++) this.#u8(this.random(4));
      if (type === 51) this.#u32(0);
      this.#u8(this.random(3));
      this.#u8(this.random(3));
      this.#u8(type === 51 ? units : units);
      this.#u8(next);
      next = type;
    }
    return next;
  }

  #ip6(next) {
    const payload = this.#length;
    for (let side = 0; side < 2; side++) {
      this.#u32(HOSTS[this.random(HOSTS.length)]);
      this.#u32(0);
      this.#u32(0);
      this.#u32(this.random(3) === 0 ? TEREDO : 0x20010db8);
    }
    this.#u8(64);
    this.#u8(next);
    this.#u16(this.random(30) === 0 ? this.random(100) : payload);
    this.#u32(0x60000000);
  }

  #ethernet(etherType) {
    let type = etherType;
    for (let tags = this.random(4) === 0 ? this.random(4) : 0; tags > 0; tags--) {
      const kind = [0x8100, 0x88a8, 0x9100, 0x8847, 0x8864, 0x8926, 0x88e7, 0x8903][this.random(8)];
      if (kind === 0x8847) this.#u32(0x140 | (this.random(4096) << 12));
      else if (kind === 0x8864)
        this.#put([0x11, 0, 0, 1, this.#length >> 8, this.#length & 255, 0, type === 0x86dd ? 0x57 : 0x21]);
      else {
        this.#u16(type);
        for (let i = { 33024: 1, 34984: 1, 37120: 1, 35110: 2, 35047: 8, 35075: 7 }[kind] ?? 1; i > 0; i--)
          this.#u16(this.random(4096));
      }
      type = kind;
    }
    this.#u16(this.random(40) === 0 ? this.random(1600) : type);
    for (let i = 0; i < 3; i++) this.#u32(0x02000000 + i);
  }

  /** A link layer around an IP datagram; gives its type. */
  #link() {
    const six = this.#bytes[this.#at] >> 4 === 6;
    const type = six ? 0x86dd : 0x0800;
    switch (this.random(12)) {
      case 0:
        return [101, 12, 228, 229][this.random(4)];
      case 1:
        this.#u16(type);
        for (let i = 0; i < 7; i++) this.#u16(this.random(5));
        return 113;
      case 2:
        for (let i = 0; i < 4; i++) this.#u32(this.random(9));
        this.#u16(0);
        this.#u16(type);
        return 276;
      case 3:
        this.#put(six ? [24, 0, 0, 0] : [2, 0, 0, 0]);
        return this.random(2) === 0 ? 0 : 108;
      case 4:
        this.#u16(six ? 0x57 : 0x21);
        this.#u16(0xff03);
        return [9, 50][this.random(2)];
      case 5:
        this.#some(60);
        return [105, 127, 239, 258, 9999][this.random(5)];
      default:
        this.#ethernet(type);
        return 1;
    }
  }

  /** Changes some bytes or cuts the packet, now and then. */
  #spoil() {
    if (this.random(4) > 0) return;
    for (let changes = 1 + this.random(3); changes > 0; changes--) {
      const at = this.#at + this.random(this.#length);
      this.#bytes[at] = this.random(2) === 0 ? this.#bytes[at] ^ (1 << this.random(8)) : this.random(256);
    }
  }
}
