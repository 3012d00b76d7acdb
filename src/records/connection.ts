import { type Static, Type } from '@sinclair/typebox';

/**
 * One connection with the field names and meanings of Zeek's conn.log. Times and lengths of time are integer
 * microseconds here and epoch seconds at the outputs. A field that is unknown or does not apply is absent.
 */
export const connectionSchema = Type.Object(
  {
    ts: Type.Number({ description: 'Time of the first packet.' }),
    uid: Type.String({
      description: 'Unique id of the connection: a fixed-key hash of source, tuple, time and ordinal.',
    }),
    'id.orig_h': Type.String({ description: "Originator's address." }),
    'id.orig_p': Type.Integer({ description: "Originator's port; for ICMP the message type." }),
    'id.resp_h': Type.String({ description: "Responder's address." }),
    'id.resp_p': Type.Integer({ description: "Responder's port; for ICMP the code or the counterpart's type." }),
    proto: Type.Union(
      [Type.Literal('tcp'), Type.Literal('udp'), Type.Literal('icmp'), Type.Literal('unknown_transport')],
      {
        description: 'Transport protocol. ICMPv6 is icmp, as in Zeek.',
      },
    ),
    service: Type.Optional(Type.String({ description: 'Application protocol, by content.' })),
    duration: Type.Optional(Type.Number({ description: 'First to last packet. Absent for a single packet.' })),
    orig_bytes: Type.Optional(
      Type.Number({
        description: 'Payload bytes of the originator; TCP: from sequence numbers. Absent where Zeek leaves it unset.',
      }),
    ),
    resp_bytes: Type.Optional(Type.Number({ description: 'Payload bytes of the responder, as orig_bytes.' })),
    conn_state: Type.String({
      description: "Zeek's connection state: S0 S1 SF REJ S2 S3 RSTO RSTR RSTOS0 RSTRH SH SHR OTH.",
    }),
    missed_bytes: Type.Number({ description: 'Bytes missing in content gaps.' }),
    history: Type.Optional(
      Type.String({ description: "Zeek's history letters; upper case from the originator, ^ is a flip." }),
    ),
    orig_pkts: Type.Number({ description: 'Packets of the originator.' }),
    orig_ip_bytes: Type.Number({ description: 'IP-level bytes of the originator, from the IP length field.' }),
    resp_pkts: Type.Number({ description: 'Packets of the responder.' }),
    resp_ip_bytes: Type.Number({ description: 'IP-level bytes of the responder.' }),
    ip_proto: Type.Integer({ description: 'IP protocol number.' }),
    tunnel_parents: Type.Optional(
      Type.Array(Type.String(), {
        description:
          "Ids of what carried the connection: the uid of the tunnel's own connection (Teredo, AYIYA, VXLAN, Geneve, GTP-U), or an id of the pair of addresses (GRE, IP in IP), which make no connection.",
      }),
    ),
    vlan: Type.Optional(Type.Integer({ description: 'Outer VLAN id.' })),
    inner_vlan: Type.Optional(Type.Integer({ description: 'Inner VLAN id.' })),
    community_id: Type.Optional(
      Type.String({ description: 'Community ID v1, seed 0. Absent where the specification defines none.' }),
    ),
  },
  { $id: 'connection', description: "A connection, with the fields of Zeek's conn.log." },
);

export type Connection = Static<typeof connectionSchema>;

/** Why a connection is reported: it began, it lasts, or it is over. */
export type ConnectionCause = 'start' | 'interim' | 'end';

/**
 * What the network side hands on. `capture` names the packet source (interface or file) whose clock `ts` follows, and
 * `captureHost` the host on which it was taken, where the user said so: loopback addresses mean that host, and
 * so do others that it has itself.
 */
export interface ConnectionUpdate {
  readonly cause: ConnectionCause;
  readonly capture: string;
  readonly captureHost?: string;
  readonly connection: Connection;
}
