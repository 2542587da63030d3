/** The scripts that are measured, and messages for them. They run as they are in V8 and in Rhino. */

/** A script with the message that it maps again and again. */
export interface MappingCase {
  readonly name: string
  readonly script: string
  readonly headers: Readonly<Record<string, string>>
  readonly text: string | undefined
  readonly bytes: Uint8Array | undefined
  /** How many times faster than Rhino it shall be. */
  readonly goal: number
}

const JSON_SCRIPT = `function mapToDittoProtocolMsg(headers, textPayload, bytePayload, contentType) {
  var reading = JSON.parse(textPayload);
  return Ditto.buildDittoProtocolMsg('bench', headers['device_id'], 'things', 'twin', 'commands',
    'modify', '/features/reading/properties',
    { 'content-type': 'application/json', 'response-required': false }, reading);
}`

const COMPUTING_SCRIPT = `function mapToDittoProtocolMsg(headers, textPayload, bytePayload, contentType) {
  var view = new DataView(bytePayload);
  var count = view.byteLength / 4;
  var samples = [];
  var sum = 0;
  var i;
  for (i = 0; i < count; i++) {
    samples.push(view.getFloat32(i * 4, true));
    sum += samples[i];
  }
  var mean = sum / count;
  var squares = 0;
  for (i = 0; i < count; i++) squares += (samples[i] - mean) * (samples[i] - mean);
  var size = 8;
  var smooth = [];
  for (i = 0; i + size <= count; i++) {
    var window = 0;
    for (var k = 0; k < size; k++) window += samples[i + k];
    smooth.push(window / size);
  }
  var highest = smooth[0];
  for (i = 1; i < smooth.length; i++) if (smooth[i] > highest) highest = smooth[i];
  return Ditto.buildDittoProtocolMsg('bench', headers['device_id'], 'things', 'twin', 'commands',
    'modify', '/features/vibration/properties',
    { 'content-type': 'application/json', 'response-required': false },
    { mean: mean, variance: squares / count, highest: highest });
}`

const SAMPLES = 256

/** A vibration: 1 KB of samples. */
function samples(): Uint8Array {
  const view = new DataView(new ArrayBuffer(SAMPLES * 4))
  for (let at = 0; at < SAMPLES; at++) {
    view.setFloat32(at * 4, Math.sin(at / 7) + Math.cos(at / 3), true)
  }
  return new Uint8Array(view.buffer)
}

export const MAPPING_CASES: readonly MappingCase[] = [
  {
    name: 'JSON, 70 bytes',
    script: JSON_SCRIPT,
    headers: { device_id: 'device-17', 'content-type': 'application/json' },
    text: '{"temperature":21.5,"humidity":47,"pressure":1013.2,"battery":0.93,"n":1}',
    bytes: undefined,
    goal: 2.5,
  },
  {
    name: 'computing, 256 samples',
    script: COMPUTING_SCRIPT,
    headers: { device_id: 'device-17', 'content-type': 'application/octet-stream' },
    text: undefined,
    bytes: samples(),
    goal: 50,
  },
]
