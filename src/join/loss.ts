/** Why a socket cannot be that of the end. */
export const losses = {
  other_protocol: 'it is a socket of another protocol',
  other_local_endpoint: 'its local address or port is another',
  other_remote_endpoint: 'it is connected to another remote endpoint',
  not_for_this_end: 'this kind of evidence says nothing about this end (a listener never originates)',
  opened_after: 'it was opened after the connection',
  closed_before: 'it was closed before the connection',
  opened_too_early: 'it was opened too long before the connection',
  other_namespace: 'it is in another network namespace, which does not have the address',
  other_connection: 'it belongs to another connection with the same endpoints',
  not_answered: 'the connection was refused or ignored, so nobody took it',
} as const;
export type Loss = keyof typeof losses;
