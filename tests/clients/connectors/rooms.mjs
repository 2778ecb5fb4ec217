// A connector in JavaScript, compiled with componentize-js: reads one listing, in full.
import { beginSnapshot, checkpoint, emit, endSnapshot } from "dx:connector/sink@0.2.0";

const PATH = "/wiki/api/v2/spaces";
const TEXT = { type: ["string", "null"] };
const COLUMNS = { id: { type: "string" }, key: TEXT, name: TEXT };
const CONFIG = {
  $schema: "http://json-schema.org/draft-07/schema#",
  type: "object",
  properties: {
    base_url: { type: "string" },
    username: { type: "string" },
    api_token: { type: "string", writeOnly: true },
  },
};

async function get({ base_url, username, api_token }, path) {
  const prefix = new URL(base_url).pathname;
  const url = path.startsWith(`${prefix}/`) ? new URL(path, base_url) : base_url + path;
  const authorization = `Basic ${btoa(`${username}:${api_token}`)}`;
  return fetch(url, { headers: { authorization, accept: "application/json" } });
}

function failure(status) {
  return { kind: "unexpected-response", message: `the service answered ${status}`, endpoint: PATH, httpStatus: status };
}

export const source = {
  describe() {
    return {
      name: "rooms",
      version: "0.1.0",
      configSchema: JSON.stringify(CONFIG),
      baseUrlField: "base_url",
      baseUrls: ["https://{host}/ex/confluence/{id}"],
      requests: [{ method: "GET", path: PATH }],
      authentication: [{ tag: "basic", val: { username: "username", secret: "api_token" } }],
    };
  },

  async validate(config) {
    const { status } = await get(JSON.parse(config), `${PATH}?limit=1`);
    const access = status === 200 ? "granted" : "denied";
    return { error: status === 200 ? undefined : failure(status), endpoints: [{ endpoint: PATH, scope: "read", access }] };
  },

  listStreams() {
    const schema = JSON.stringify({ type: "object", properties: COLUMNS, required: ["id"] });
    return [{ name: "rooms", description: "Spaces of a site", primaryKey: ["id"], modes: ["full"], endpoint: `GET ${PATH}`, scope: "read", schema }];
  },

  async sync(config, _streams, _state) {
    let [path, count, requests] = [`${PATH}?limit=2`, 0, 0];
    console.log("reading rooms");
    beginSnapshot(["rooms"]);
    while (path) {
      const answer = await get(JSON.parse(config), path);
      requests += 1;
      if (answer.status !== 200) throw failure(answer.status);
      const page = await answer.json();
      const rows = page.results.map(({ id, key, name }) => JSON.stringify({ id, key, name }));
      count += rows.length;
      emit({ stream: "rooms", replaces: [], rows });
      path = page._links.next;
    }
    endSnapshot("rooms", []);
    checkpoint(JSON.stringify({ rows: count }));
    return JSON.stringify({ rows: { rooms: count }, requests });
  },
};
