import type { Weird } from '../records/weird.js';
import type { ZeekField } from './zeek-fields.js';

/** The columns of weird.log, as Zeek has them. */
export const weirdFields: readonly ZeekField<Weird>[] = [
  { name: 'ts', type: 'time', description: 'Time of the packet that was odd.', of: (w) => w.ts },
  { name: 'uid', type: 'string', description: 'Connection, where it is of one.', of: (w) => w.uid },
  { name: 'id.orig_h', type: 'addr', description: "Originator's or sender's address.", of: (w) => w['id.orig_h'] },
  {
    name: 'id.orig_p',
    type: 'port',
    description: "Originator's port; 0 where it is of no connection.",
    of: (w) => w['id.orig_p'],
  },
  { name: 'id.resp_h', type: 'addr', description: "Responder's or receiver's address.", of: (w) => w['id.resp_h'] },
  {
    name: 'id.resp_p',
    type: 'port',
    description: "Responder's port; 0 where it is of no connection.",
    of: (w) => w['id.resp_p'],
  },
  { name: 'name', type: 'string', description: "Zeek's name of what was odd.", of: (w) => w.name },
  { name: 'addl', type: 'string', description: 'More about it, as a number that was too large.', of: (w) => w.addl },
  {
    name: 'notice',
    type: 'bool',
    description: 'Whether Zeek would make a notice of it. There is no log of notices.',
    of: (w) => w.notice === true,
  },
  { name: 'peer', type: 'string', description: 'The interface or file it was seen on.', of: (w) => w.capture },
  {
    name: 'source',
    type: 'string',
    description: "Zeek's name of the analyzer that tells of it, as IP or VLAN; unset where Zeek names none.",
    of: (w) => w.source,
  },
];
