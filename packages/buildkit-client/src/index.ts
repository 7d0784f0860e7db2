export type { Endpoint, SocketEndpoint, TlsSettings } from './endpoint.ts';
export type {
  Attachables,
  BlobSource,
  ContentStore,
  ExportReceiver,
  LocalDir,
  OpenSession,
  RegistryAuth,
  Session,
  SessionOptions,
  SshAgent,
} from './session-contract.ts';
