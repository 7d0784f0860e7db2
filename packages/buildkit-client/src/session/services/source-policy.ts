import { policysession, sourcepolicy, type gateway, type pb } from '@melange2/proto';
import { grpcCode } from '../../grpc/grpc-error.ts';
import { unary, type CallHandler } from '../server-call.ts';
import type { SessionHost } from '../session-host.ts';
import { StatusError } from '../status-error.ts';

/** Asks the host whether a source may be used. */
export function sourcePolicyService(host: SessionHost): readonly (readonly [string, CallHandler])[] {
  const { PolicyAction } = sourcepolicy;
  return [
    unary(policysession.PolicyVerifier.methods.CheckPolicy, async (request) => {
      const source = request.Source?.Source;
      if (source === undefined)
        throw new StatusError(grpcCode.invalidArgument, 'There is no source to check.');
      const answer = await host.checkPolicy({
        identifier: source.identifier,
        attrs: Object.fromEntries(source.attrs),
        platform: platformText(request.Platform),
        digest: digestOf(request.Source),
      });
      switch (answer.action) {
        case 'allow':
          return { result: { kind: 'decision', value: { action: PolicyAction.ALLOW } } };
        case 'deny':
          return {
            result: {
              kind: 'decision',
              value: {
                action: PolicyAction.DENY,
                denyMessages: answer.messages.map((message) => ({ message })),
              },
            },
          };
        case 'convert':
          return {
            result: {
              kind: 'decision',
              value: {
                action: PolicyAction.CONVERT,
                update: { identifier: answer.identifier, attrs: answer.attrs ?? {} },
              },
            },
          };
        case 'resolve':
          return {
            result: { kind: 'request', value: { Source: source, Platform: request.Platform } },
          };
      }
    }),
  ];
}

function platformText(platform: pb.Platform | undefined): string | undefined {
  if (platform === undefined) return undefined;
  return [platform.OS, platform.Architecture, platform.Variant].filter((part) => part !== '').join('/');
}

function digestOf(source: gateway.ResolveSourceMetaResponse | undefined): string | undefined {
  return source?.Image?.Digest || source?.HTTP?.Checksum || source?.Git?.Checksum || undefined;
}
