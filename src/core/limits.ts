/**
 * Every bound of the program in one place. Each has a policy at the bound and a counter, both named beside it.
 * 0 never means unlimited.
 */
export const limits = {
  /** Longest packet record accepted from a file, bytes (libpcap's own maximum). Longer: CAPTURE_BAD_RECORD. */
  packetBytes: 262_144,
  /** Interfaces described by one section of a pcapng file. More: CAPTURE_BAD_RECORD. */
  captureInterfaces: 65_536,
  /** Capture files merged into one stream; each keeps one file and two buffers open. More: refused with USAGE. */
  captureFiles: 256,
  /** Window of a zstd file, bytes, which is what its decompression holds at most (zstd's own default). Larger: CAPTURE_BAD_RECORD. */
  zstdWindowBytes: 1 << 27,
  /** Batches that one packet source owns. None free: `next` waits for a release, live packets wait in the kernel's ring. */
  batchesPerSource: 8,
  /** The same for a source that a thread reads for another one. None free: the thread waits. */
  batchesPerThread: 16,
  /** Bytes of output lines gathered before they are written. */
  sinkChunkBytes: 1 << 18,
  /** Bytes of output lines that may wait before a run over files waits. */
  sinkQueueBytes: 1 << 20,
  /** Bytes of output lines that may wait in a live run. Beyond it lines are dropped, which are counted as lost. */
  sinkPendingBytes: 1 << 26,
  /** Characters of a command line that an output line shows, of an owner and its parent, and of elder ancestors. The rest is cut: `cmdline_size`. */
  shownCommandChars: 8_192,
  shownElderCommandChars: 1_024,
  /** Connections whose counted outcome may still be revised. At the bound the oldest stays as it was counted. */
  coverageConnections: 200_000,
  /** Hosts told apart when ends are counted. Ends of further ones count as those of the host `other`. */
  coverageHosts: 1_000,
  /** Connections whose first owner and last line are timed. At the bound the oldest is not timed: `correlate_delays_missed_total`. */
  delayConnections: 200_000,
  /** Connection records that may wait between the capture thread and the main thread; more are dropped and counted. */
  liveUpdates: 200_000,
  /** Connections looked at before the first is joined, to measure the clocks of hosts whose logs carry no clock rows. */
  clockConnections: 500_000,
  /** Host rows looked at for the same purpose. */
  clockRows: 1_000_000,
  /** Alerts shown at the end of a run over files on a terminal; `--alerts` has them all. */
  shownAlerts: 1000,
  /** Connections shown in the table at the end of a run; the file output has them all. */
  tableConnections: 200,
  /** Longest configuration file, characters. Longer: CONFIG_MALFORMED. */
  configFileBytes: 1 << 20,
  /** Longest rule file, bytes. Longer: RULE_MALFORMED. */
  ruleFileBytes: 1 << 20,
  /**
   * Folders that one path given for rules leads to, also by symbolic links, how deep they lie below it, and rule files in them. More: no rule of the path
   * is used, RULES_TOO_MANY.
   */
  ruleFolders: 10_000,
  ruleFolderDepth: 64,
  ruleFiles: 50_000,
  /** Times that aliases of one YAML document are followed. Beyond: RULE_MALFORMED. */
  ruleAliases: 1_000,
  /** Connections whose alerts are remembered for revisions. At the bound the longest unchanged is forgotten: `counters.forgotten`. */
  rememberedMatches: 100_000,
  /** Current rows kept of one table of one host. At the bound a new row is dropped: `counters.dropped`. */
  hostTableRows: 65_536,
  /** Newest rows kept of one event table of one host. At the bound the oldest goes: `counters.evicted`. */
  hostEventRows: 4_096,
  /** Hosts whose rows are kept for script rules. At the bound rows of further hosts are dropped: `counters.dropped`. */
  ruleHosts: 10_000,
  /** Rows of one result of a rule's query. At the bound the rest is cut: `counters.cut`. */
  queryResultRows: 10_000,
  /** Steps of SQLite's machine that one evaluation of a rule's query may take. Beyond: RULE_SCRIPT_FAILED, the rule stops. */
  querySteps: 50_000_000,
  /** Hosts whose rows SQLite holds at a time. At the bound the longest unused is closed and filled again when needed. */
  queryDatabases: 64,
  /** Longest line of a host log, bytes. Longer: the line is skipped and counted (HOST_LOG_BAD_LINE). */
  hostLineBytes: 1_048_576,
  /** Broken lines of one host log that are told one by one; the others are summed in one warning. */
  hostBadLinesTold: 3,
  /** Queries of which no line of a host log is used that are counted by name; further ones are counted together. */
  hostUnusedKinds: 1_024,
  /** First lines of a host log that are looked at for the time at which it begins, where there are several; else it counts as the earliest. */
  hostFirstLines: 256,
  /**
   * Text of osquery result lines held back to put them in order, bytes; in memory they take about as much. When full, the earlier half is handed over; a
   * differential line that belongs before what was handed over is dropped and counted, an event line is used as it comes.
   */
  hostSortBytes: 67_108_864,
  /**
   * Queries of an osquery log, and lists of columns of their rows, of which it is remembered what they tell; lists of more characters are not. At
   * the bound all are found anew.
   */
  hostKnownQueries: 1_024,
  hostRowShapes: 256,
  hostShapeChars: 8_192,
  /** Choices of the columns of one such list that have a value, for each of which rows are made by copying one; others are made a column at a time. */
  hostRowTemplates: 32,
  /** Query streams (host and query name) of one osquery log. Lines of further ones are dropped and counted. */
  hostStreams: 65_536,
  /**
   * Rows of differential queries that are remembered to compare full sets with, over all streams of a log. Further rows
   * are handed over but not remembered (counted): a later full set shows them as added again, and never as removed.
   */
  hostKnownRows: 1_000_000,
  /** Columns of one host row, and characters of a host id or query name. Lines with more are bad lines. */
  hostRowColumns: 256,
  hostNameChars: 512,
  /** Sockets, processes and network namespaces that the polling sensor looks at in one poll; the rest is not reported, which is told. */
  sensorSockets: 262_144,
  sensorProcesses: 65_536,
  sensorNamespaces: 256,
  /** Packet sockets remembered of one host; beyond it the one known for longest is forgotten, and not named as who may have sent. */
  packetSockets: 1_024,
  /** Longest frame between agent and engine, bytes. Longer: the connection is closed with TOO_BIG. */
  wireFrameBytes: 1 << 20,
  /** Rows in one such frame. More: BAD_MESSAGE. */
  wireRows: 8_192,
  /** Characters of one value of a row. An agent cuts longer text (counted); from others it is a BAD_MESSAGE. */
  wireTextChars: 16_384,
  /** Groups, SQL tables and sentences about what it cannot see that an agent may tell. More: BAD_MESSAGE. */
  agentGroups: 64,
  agentTables: 256,
  agentSentences: 32,
  /** Rows about what still stands that an agent remembers for an engine that forgot. Beyond: the oldest is forgotten, counted. */
  agentStandingRows: 262_144,
  /** Queries that an agent answers at once, and subscriptions it holds. More are answered with QUERY_FAILED. */
  agentQueries: 16,
  agentSubscriptions: 256,
  /** Hosts that agents may speak for. More: TOO_MANY_HOSTS. */
  agentHosts: 65_536,
  /** Connections whose frames wait to be worked on while a further host is still welcomed; with more, those who join wait. */
  agentsBusy: 32,
  /** Rows that an agent may have sent and not acknowledged, and rows it may send in a second. Well beyond: TOO_MANY_ROWS. */
  agentWindowRows: 20_000,
  agentRowsPerSecond: 20_000,
  /** Bytes of frames of one agent that wait to be worked on; beyond it the socket is not read. In the other direction: TOO_SLOW. */
  agentQueueBytes: 1 << 22,
  /** How long an agent has to answer when another wants its host id, milliseconds. */
  agentAnswerMs: 2_000,
  /** How far a host's clock may be off, and how far the time of a row may be ahead of it, microseconds. Beyond: BAD_CLOCK. */
  clockSkewUs: 86_400_000_000,
  rowAheadUs: 60_000_000,
  /** Queries that wait for the answer of a host. More are answered with QUERY_LIMIT. */
  pendingQueries: 100_000,
  /** Text of one SQL query, characters, and rows of its result whatever the asker wants. Beyond: BAD_MESSAGE. */
  queryChars: 65_536,
  queryRowsMost: 100_000,
  /** Equal texts of host rows that are kept once; at the bound the pool starts anew. */
  internedTexts: 262_144,
  /** Newest events kept of one event table of this machine. At the bound the oldest go: `dropped` of the event log. */
  sensorEvents: 50_000,
  /** How long they are kept, seconds, as in osquery. */
  sensorEventSeconds: 3_600,
  /** Rows that one query may read of one table of this machine. More: QUERY_LIMIT. */
  sensorScanRows: 500_000,
  /** Largest file that the hash table reads, bytes. Of a larger one the hashes are absent. */
  sensorHashBytes: 1 << 30,
  /** Memory of SQLite in one query of this machine, bytes, and the longest text that it makes. More: QUERY_FAILED. */
  sqlMemoryBytes: 1 << 28,
  sqlTextBytes: 1 << 24,
  /** Memory of the thread that evaluates queries besides SQLite's, MiB. More: QUERY_FAILED, and the next query has a new thread. */
  sqlHeapMb: 512,
  /** Text and blobs of one query's result, bytes. More: QUERY_LIMIT. */
  sqlResultBytes: 1 << 26,
  /** Queries of this machine that wait for the one that runs. One more: QUERY_FAILED. */
  sqlWaiting: 256,
  /** Ring between the kernel and the sensor, a power of two. Full: records are dropped and counted, and told as `lost` rows. */
  sensorRingBytes: 1 << 23,
  /** Rows that wait to be written into the store. Beyond it a run over files waits; a live run drops rows, counted as lost: `store rows`. */
  storeQueueRows: 200_000,
  /** Rows in one message to the thread that writes the store. */
  storeBatchRows: 2_048,
  /** Connections of the past decided afresh at a time, connections looked at beside them, and rows of each host table. Of more connections the next ones follow; of context and rows beyond the bound the join does not know. */
  lateConnections: 20_000,
  lateContext: 200_000,
  lateRows: 500_000,
  /** Questions about the past that an engine answers at once. One more: QUERY_LIMIT. */
  storeQuestions: 16,
  /** Connections that `explain` shows of one pair of endpoints. Of more only the number is told. */
  explainedConnections: 100,
  /** Sockets that it lists of one end, best first. Of more only the number is told: `omitted`. */
  explainedSockets: 1_000,
  /** Weirds remembered so that a repeated one is reported once. At the bound the oldest is forgotten, and may be reported again. */
  rememberedWeirds: 65_536,
  /** Connections open at once (256 bytes each). At the bound the one due to expire first is ended early: `evictedAttempts`, `evictedOthers`. */
  connections: 1_048_576,
  /** Ranges of data above a hole in one direction of a TCP connection. More: gaps of that direction are no longer followed, `segment_list_full`. */
  segmentsPerDirection: 64,
  /** Such ranges of all connections together, with the same policy. */
  segments: 1_000_000,
  /** Bytes kept above holes for the consumer of one TCP connection. At the bound new ones are let go and become a gap: `stream_buffer_full`. */
  streamBytes: 1 << 20,
  /** The same of all connections together, with the same policy. */
  streamsBytes: 1 << 26,
  /** Pieces that those bytes lie in, in one direction, with the same policy. */
  streamPieces: 1_024,
  /** Letters of one connection's history. Further ones are left out: `history_full`. */
  historyLetters: 256,
  /** Tunnels opened in one packet, Zeek's Tunnel::max_depth. One more is left closed: `exceeded_tunnel_max_depth`. */
  tunnelDepth: 4,
  /** TCP connections with repeated FINs or RSTs whose storms are counted. At the bound the oldest is forgotten: `storm_table_full`. */
  stormConnections: 65_536,
  /** IP datagrams that wait for fragments. At the bound the oldest is dropped: `fragment_table_full`. */
  fragmentDatagrams: 4_096,
  /** Their bytes together, and 16 for each fragment, with the same policy. */
  fragmentBytes: 1 << 26,
} as const;
