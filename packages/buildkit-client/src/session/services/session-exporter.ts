import { exporter } from '@melange2/proto';
import { unary, type CallHandler } from '../server-call.ts';
import type { SessionHost } from '../session-host.ts';

/** Lets the host choose exporters when the result is known. */
export function sessionExporterService(host: SessionHost): readonly (readonly [string, CallHandler])[] {
  const { methods } = exporter.Exporter;
  return [
    unary(methods.FindExporters, async ({ metadata, refs }) => ({
      exporters: (await host.findExporters(metadata, refs)).map(({ type, attrs }) => ({
        Type: type,
        Attrs: attrs,
      })),
    })),
    unary(methods.FinalizeExport, async ({ exporter_response: response }) => {
      await host.finalizeExport(Object.fromEntries(response));
      return {};
    }),
  ];
}
