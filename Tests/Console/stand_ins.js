// Stand-ins for pusher-js 8 and Laravel Echo 2: as much of their documented interfaces as the examples use, on the page's
// own connection. Whatever the packages do not know, or an example would have to give, is refused.

const { PusherClient } = await import(`${base}/console/pusher.js`);

function check(options, known, required) {
  for (const name of Object.keys(options)) if (!known.includes(name)) throw new Error(`no such option: ${name}`);
  for (const name of required) if (!(name in options)) throw new Error(`an option is missing: ${name}`);
}

class Pusher {
  constructor(key, options) {
    check(options, ["cluster", "wsHost", "wsPort", "wssPort", "forceTLS", "enabledTransports", "channelAuthorization",
      "activityTimeout", "pongTimeout", "wsPath", "httpHost", "httpPort", "httpsPort", "disabledTransports"], ["cluster"]);
    const { endpoint, transport, headers, ...others } = options.channelAuthorization;
    check(others, ["params", "headersProvider", "paramsProvider", "customHandler"], []);
    if (transport !== "ajax") throw new Error(`no such transport: ${transport}`);
    const [scheme, port] = options.forceTLS ? ["wss", options.wssPort] : ["ws", options.wsPort];
    if (!options.enabledTransports.includes(scheme)) throw new Error(`not enabled: ${scheme}`);
    // It authorises with a form.
    const authorize = async (socketID, channel) => {
      const body = new URLSearchParams({ socket_id: socketID, channel_name: channel });
      const answer = await fetch(endpoint, { method: "POST", headers, body });
      if (answer.status !== 200) throw Object.assign(new Error("refused"), { status: answer.status });
      return answer.json();
    };
    this.client = new PusherClient({ key, scheme, port, host: options.wsHost }, authorize, () => {});
  }

  subscribe(name) {
    const [bound, global] = [[], []];
    const emit = (event, data) => {
      for (const [wanted, act] of bound) if (wanted === event) act(data);
      for (const act of global) act(event, data);
    };
    this.client.subscribe(name, {
      subscribed: () => emit("pusher:subscription_succeeded", {}), received: emit, lost: () => {},
    });
    return { bind: (event, act) => bound.push([event, act]), bind_global: (act) => global.push(act) };
  }
}

class Echo {
  constructor(options) {
    check(options, ["broadcaster", "key", "cluster", "wsHost", "wsPort", "wssPort", "forceTLS", "enabledTransports",
      "authEndpoint", "bearerToken", "namespace"], ["broadcaster", "key", "cluster"]);
    const { broadcaster, key, authEndpoint, bearerToken, namespace, ...others } = options;
    if (broadcaster !== "pusher") throw new Error(`no such broadcaster: ${broadcaster}`);
    const headers = { Authorization: `Bearer ${bearerToken}` };
    const channelAuthorization = { endpoint: authEndpoint, transport: "ajax", headers };
    this.pusher = new window.Pusher(key, { ...others, channelAuthorization });
  }

  private(name) {
    const channel = this.pusher.subscribe(`private-${name}`);
    const full = (event) => (event.startsWith(".") ? event.slice(1) : `App\\Events\\${event}`);
    return {
      subscribed(act) {
        channel.bind("pusher:subscription_succeeded", act);
        return this;
      },
      listen(event, act) {
        channel.bind(full(event), act);
        return this;
      },
    };
  }
}
