import { buildError, type BuildError } from '@melange2/diagnostics';
import { errors, formatRateLimit, mirrorStanza, parseRateLimit } from '@melange2/exporters';
import { type RegistryAnswer, SilentRegistryError } from './registry-request.ts';

/** What a registry was asked, for its failures. */
export interface RegistryQuestion {
  readonly host: string;
  readonly repository: string;
  /** What was done, such as `the upload of a layer`. */
  readonly what: string;
  /** With which credentials, never their secret: `anonymously`, `as NAME`. */
  readonly who: string;
}

/** Names an answer that ends the export. */
export function refusal(question: RegistryQuestion, answer: RegistryAnswer, nowMs: number): BuildError {
  const { host, repository, what, who } = question;
  const { status } = answer;
  const said = saidIn(answer.text);
  if (status === 401 || status === 403)
    return buildError(errors, 'EXPORT_REGISTRY_DENIED', { host, repository, what, who, status, said });
  if (status === 404)
    return buildError(errors, 'EXPORT_REGISTRY_NOT_FOUND', { host, repository, what, who, said });
  if (status === 429) {
    const limits = formatRateLimit(parseRateLimit(answer.header, nowMs));
    return buildError(errors, 'EXPORT_REGISTRY_RATE_LIMITED', {
      host,
      what,
      who,
      limits,
      mirror: mirrorStanza(host),
    });
  }
  const why = `it answered ${status}${said}`;
  return buildError(errors, 'EXPORT_REGISTRY_UNAVAILABLE', { host, what, why });
}

/** Names a registry that gave no answer. Anything unexpected comes back as it is. */
export function noAnswer({ host, what }: RegistryQuestion, cause: unknown): unknown {
  if (cause instanceof SilentRegistryError)
    return buildError(errors, 'EXPORT_REGISTRY_UNAVAILABLE', { host, what, why: cause.message }, { cause });
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const why = cause instanceof Error ? cause.message : String(cause);
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/.test(code))
    return buildError(errors, 'EXPORT_REGISTRY_UNTRUSTED', { host, why }, { cause });
  if (/^(E[A-Z]+|ERR_SSL.*|EPROTO)$/.test(code))
    return buildError(errors, 'EXPORT_REGISTRY_UNAVAILABLE', { host, what, why }, { cause });
  return cause;
}

/** The words of a registry's error document, or of whatever stands there instead. */
function saidIn(text: string): string {
  let words = text.trim();
  try {
    const { errors: list } = JSON.parse(text) as { errors?: { code?: string; message?: string }[] };
    words = (list ?? []).map(({ code, message }) => message ?? code ?? '').join(', ') || words;
  } catch {
    // Some proxies answer with a page.
    if (/^\s*</.test(words)) words = '';
  }
  const short = words.replaceAll(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ').slice(0, 200);
  return short === '' ? '' : `: ${short}`;
}
