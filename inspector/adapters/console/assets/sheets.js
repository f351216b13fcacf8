// The tables of the pages, by name. Text always goes through {{ }}, which escapes it.

const clock = (at) => new Date(at).toLocaleTimeString([], { hour12: false });
const date = (at) => new Date(at).toLocaleString();

// Rows are keyed, so a new part moves the other rows and keeps their pictures and the keyboard's focus.
const Parts = {
  props: { rows: Array },
  methods: { clock, date },
  template: `
    <table class="sheet">
      <thead><tr>
        <th><span class="only-aloud">Picture</span></th><th>Disposition</th><th>Reason</th><th>Verdict</th>
        <th>Votes</th><th>Latency</th><th class="less-wide">Part</th><th>Decided</th>
      </tr></thead>
      <tbody>
        <tr v-for="row in rows" :key="row.number" class="opens arrives">
          <td><img class="thumbnail" :src="row.thumbnail" alt="" loading="lazy" decoding="async"></td>
          <td>
            <a class="row-link" :href="row.href" :aria-label="row.aloud">
              <span class="chip" :class="row.look"><q-icon :name="row.icon" aria-hidden="true" />{{ row.disposition }}</span>
            </a>
          </td>
          <td class="reason-cell">
            <div class="free-text clip"><b v-if="row.defect">{{ row.defect }}</b><template v-else>{{ row.reason }}</template></div>
            <div class="sub free-text clip">{{ row.detail }}</div>
            <div class="sub only-narrow">{{ row.line }} / {{ row.camera }}</div>
          </td>
          <td class="number verdict">
            <div>{{ row.verdict }}<span class="muted" v-if="row.p_ng !== null"> · p(NG) {{ row.p_ng.toFixed(2) }}</span></div>
            <div class="meter" v-if="row.p_ng !== null"><i :style="{ width: 100 * row.p_ng + '%' }"></i></div>
          </td>
          <td class="number">
            <div>{{ row.votes }}</div>
            <div class="sub less-wide">{{ row.stopped }}</div>
          </td>
          <td class="number">
            <div :class="{ late: row.late }">{{ row.latency }}<span class="muted less-wide"> of {{ row.deadline }}</span></div>
            <div class="meter" :class="{ over: row.late }"><i :style="{ width: row.time_used + '%' }"></i></div>
          </td>
          <td class="less-wide">
            <div class="mono free-text clip">{{ row.name }}</div>
            <div class="sub">{{ row.line }} / {{ row.camera }}</div>
          </td>
          <td class="number">
            <div :title="date(row.at)">{{ clock(row.at) }}</div>
            <div class="sub">#{{ row.number }}<template v-if="row.simulated"> · simulated</template></div>
          </td>
        </tr>
      </tbody>
    </table>`,
};

// Votes in the given order, drawn against the thresholds if they are known.
const Votes = {
  props: { rows: Array },
  template: `
    <table class="sheet bare">
      <thead><tr><th>Rung</th><th>View</th><th>p(NG)</th><th></th><th>Tokens</th><th>Time</th></tr></thead>
      <tbody v-for="(row, place) in rows" :key="place">
        <tr>
          <td class="number">{{ row.rung }}</td>
          <td>{{ row.view }}</td>
          <td class="vote-gauge">
            <span v-if="row.p_ng === null" class="muted">unreadable: a vote for neither OK nor NG</span>
            <div v-else class="gauge" :class="{ known: row.known }" :style="{ '--below': row.below, '--above': row.above }">
              <i :style="{ left: 100 * row.p_ng + '%' }"></i>
            </div>
          </td>
          <td class="number">
            {{ row.p_ng === null ? '–' : row.p_ng.toFixed(3) }}
            <div v-if="row.p_true !== null" class="sub">held right {{ row.p_true.toFixed(2) }}</div>
            <div v-if="row.readable !== null && row.readable < 0.995" class="sub">{{ (100 * row.readable).toFixed(0) }} % read</div>
          </td>
          <td class="number">{{ row.tokens }}</td>
          <td class="number">{{ row.ms }}</td>
        </tr>
        <tr v-if="row.text" class="vote-text"><td></td><td colspan="5" class="sub free-text">“{{ row.text }}”</td></tr>
      </tbody>
    </table>`,
};

const Cameras = {
  props: { rows: Array },
  methods: { date },
  template: `
    <table class="sheet">
      <thead><tr>
        <th>Line / camera</th><th>State</th><th>Frames</th><th>Lost</th><th>Last sequence</th><th>Last seen</th>
        <th class="less-wide">First seen</th>
      </tr></thead>
      <tbody>
        <tr v-for="row in rows" :key="row.line + '/' + row.camera">
          <td><b>{{ row.line }}</b> / {{ row.camera }}</td>
          <td><span class="chip" :class="row.look"><q-icon :name="row.icon" aria-hidden="true" />{{ row.state }}</span></td>
          <td class="number">{{ row.frames.toLocaleString() }}</td>
          <td class="number" :class="{ late: row.lost > 0 }">{{ row.lost.toLocaleString() }}</td>
          <td class="number">{{ row.last_seq ?? '–' }}</td>
          <td class="number">{{ date(row.last_seen) }}</td>
          <td class="number less-wide">{{ date(row.first_seen) }}</td>
        </tr>
        <tr v-if="!rows.length"><td colspan="7" class="muted nothing">No cameras yet.</td></tr>
      </tbody>
    </table>`,
};

const Events = {
  props: { rows: Array },
  methods: { date },
  template: `
    <table class="sheet">
      <thead><tr><th>Time</th><th>Severity</th><th>Line / camera</th><th>Kind</th><th>What happened</th><th>Times</th></tr></thead>
      <tbody>
        <tr v-for="row in rows" :key="row.event_id">
          <td class="number">{{ date(row.at) }}</td>
          <td><span class="chip" :class="row.look"><q-icon :name="row.icon" aria-hidden="true" />{{ row.severity }}</span></td>
          <td>{{ row.line }}<template v-if="row.camera"> / {{ row.camera }}</template></td>
          <td class="mono free-text">{{ row.kind }}</td>
          <td class="free-text">{{ row.text }}</td>
          <td class="number">{{ row.count }}</td>
        </tr>
        <tr v-if="!rows.length"><td colspan="6" class="muted nothing">No events yet.</td></tr>
      </tbody>
    </table>`,
};

const SHEETS = { Parts, Votes, Cameras, Events };

export default {
  props: { name: String, rows: Array },
  render() {
    return Vue.h(SHEETS[this.name], { rows: this.rows });
  },
};
