/** Certificates and names of a TLS connection, as PEM texts. Plain data: it crosses into worker threads. */
export interface TlsSettings {
  /** Authorities the daemon's certificate is checked against; the system's when absent. */
  readonly ca?: string;
  /** The client's certificate, for daemons that ask for one. */
  readonly cert?: string;
  readonly key?: string;
  /** The name the daemon's certificate is checked against; the host when absent. */
  readonly serverName?: string;
}

/** A socket that can be connected to. */
export type SocketEndpoint =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls?: TlsSettings };

/**
 * Where a BuildKit daemon is and how it is spoken to. Plain data, so that a worker thread can open a connection of
 * its own to the same daemon.
 *
 * - `unix`, `tcp`: buildkitd itself.
 * - `docker`: a Docker engine, whose BuildKit is behind an HTTP upgrade.
 * - `command`: a program whose standard input and output are the connection (`buildctl dial-stdio` in a container).
 */
export type Endpoint =
  | SocketEndpoint
  | { readonly kind: 'docker'; readonly socket: SocketEndpoint }
  | {
      readonly kind: 'command';
      readonly program: string;
      readonly args: readonly string[];
      /** What the program leads to, for messages: `docker-container://buildkitd`. */
      readonly address: string;
    };
