import { encode, rpc } from '@melange2/proto';
import { expect, test } from 'vitest';
import { readSolveFailure } from './solve-failure.ts';

test('the words of a source policy that denied a source are part of the failure', () => {
  // As BuildKit 0.34 sends it.
  const detail = { action: 1, denyMessages: [{ message: 'not this one' }, { message: 'nor any other' }] };
  const status = encode(rpc.Status, {
    code: 2,
    message: 'denied',
    details: [
      {
        type_url: 'github.com/moby/buildkit/policysession.DecisionResponse+json',
        value: Buffer.from(JSON.stringify(detail)),
      },
    ],
  });
  expect(readSolveFailure(2, 'denied', status)).toEqual({
    text: 'denied',
    grpcCode: 2,
    denyMessages: ['not this one', 'nor any other'],
    places: [],
    stacks: [],
    otherDetails: [],
  });
});
