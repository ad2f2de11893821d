// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "oracle/policy_sweep.h"

#include <cstdio>
#include <vector>

#include "model/registers.h"
#include "oracle/board.h"
#include "oracle/engine_native.h"
#include "oracle/smmu_layout.h"
#include "oracle/trap.h"

namespace sidewall {
namespace {

constexpr size_t kSmmu = 1;             // index of niso0 in the board
constexpr uint64_t kWindow = 2;         // Window::kNiso0
constexpr uint16_t kBank = 0;           // of the host, in use
constexpr uint16_t kSwept = 1;          // the entry that S2CR and SMR are swept of
constexpr uint32_t kHostStream = 0x0e;  // of entry 0
constexpr uint32_t kSweptStream = 0x03;
constexpr uint32_t kGuestStream = 0x06;  // with client 0x58
constexpr uint32_t kQuarantine = 0x7e;
constexpr uint32_t kClient = 0x58;
constexpr uint32_t kValid = 1u << 31;
constexpr uint32_t kUpperBits = 0x7f80u << 16;

constexpr uint32_t kSCr0One = (1u << 10) | (1u << 21);  // USFCFG, SMCFCFG
constexpr uint32_t kSCr0Zero =
    (1u << 0) | (1u << 3) | (1u << 31);  // CLIENTPD, EXIDENABLE, VMID16EN
constexpr uint32_t kStall = 1u << 8;     // sCR0.STALLD keeps its value
constexpr uint32_t kCfcfg = 1u << 7;
constexpr uint32_t kEnable = 1u << 0;

constexpr uint32_t TypeOf(uint32_t word) { return word >> 16 & 3; }
constexpr uint32_t BankOf(uint32_t s2cr) { return s2cr & 0xff; }
constexpr uint32_t SecondBankOf(uint32_t cbar) { return cbar >> 8 & 0xff; }

// Some stream that both words match: they agree wherever neither ignores a bit.
constexpr bool Overlap(uint32_t a, uint32_t b) {
  return ((a ^ b) & ~(a >> 16 | b >> 16) & 0x7fff) == 0;
}

}  // namespace

const char* PolicyName(Policy policy) {
  switch (policy) {
    case Policy::kSCr0:
      return "sCR0";
    case Policy::kS2cr:
      return "S2CR";
    case Policy::kSmr:
      return "SMR";
    case Policy::kCbar:
      return "CBAR";
    case Policy::kCba2r:
      return "CBA2R";
    case Policy::kSctlr:
      return "SCTLR";
    case Policy::kMcOverride:
      return "OVERRIDE";
    case Policy::kMcSecurity:
      return "SECURITY";
  }
  return "unknown";
}

// The platform of the sweep. It comes up over a real board; from Flatten on, the registers of one
// SMMU and of the memory controller are plain words in which each store is judged.
class PolicySweep::Bench final : public Platform, public Caller {
 public:
  explicit Bench(Policy policy)
      : policy_(policy), board_({.board = model::FindBoard("tiny")}), engine_(*this) {
    board_.Boot(*this);
    SetUp();
    Flatten();
  }

  void Run(const SweepRange& range) {
    const uint64_t ipa = AddressOfPolicy();
    struct sidewall_regs regs = {};
    sidewall::Call call = {.id = CallId::kHandleDabt, .arg = {MakeSyndrome(4, 0, true), ipa}};
    call.regs = &regs;
    for (uint64_t i = 0; i < range.count && !report_.broken; i++) {
      value_ = static_cast<uint32_t>(range.first + i * range.stride);
      regs.x[0] = value_;
      changed_ = false;
      engine_.Invoke(call);
      CheckPair();
      report_.values++;
      report_.changed += changed_;
    }
  }

  const SweepReport& report() const { return report_; }

  // ---- Caller
  struct sidewall_result Call(const sidewall::Call& call) override {
    if (call.id != CallId::kInit) return engine_.Invoke(call);
    struct sidewall_cfg cfg = *call.cfg;
    cfg.flags |= SIDEWALL_CFG_NO_RING;  // nobody reads it, and it costs as much as the access
    sidewall::Call quiet = call;
    quiet.cfg = &cfg;
    return engine_.Invoke(quiet);
  }

  // ---- Platform
  bool Read32(uint64_t pa, uint32_t* value) override {
    if (!flat_) return board_.Read32(pa, value);
    const uint32_t* word = WordAt(pa);
    if (word == nullptr) return false;
    *value = *word;
    return true;
  }
  bool Read64(uint64_t pa, uint64_t* value) override {
    if (!flat_) return board_.Read64(pa, value);
    uint32_t low = 0, high = 0;
    if (!Read32(pa, &low) || !Read32(pa + 4, &high)) return false;
    *value = uint64_t{high} << 32 | low;
    return true;
  }
  void Write32(uint64_t pa, uint32_t value) override {
    if (!flat_) return board_.Write32(pa, value);
    Store(pa, value);
  }
  void Write64(uint64_t pa, uint64_t value) override {
    if (!flat_) return board_.Write64(pa, value);
    Store(pa, static_cast<uint32_t>(value));
    Store(pa + 4, static_cast<uint32_t>(value >> 32));
  }
  void TableWrite64(uint64_t pa, uint64_t value) override {
    if (flat_) return Break("a table was written", pa, value);
    board_.TableWrite64(pa, value);
  }
  void TableZero(uint64_t pa) override {
    if (flat_) return Break("a table was cleared", pa, 0);
    board_.TableZero(pa);
  }
  const uint64_t* pool_view() const override { return board_.pool_view(); }
  uint64_t pool_start() const override { return board_.pool_start(); }
  uint64_t pool_size() const override { return board_.pool_size(); }
  void Barrier() override {
    if (!flat_) board_.Barrier();
  }
  void CleanPoc(uint64_t pa, uint64_t size) override {
    if (!flat_) board_.CleanPoc(pa, size);
  }
  uint64_t PageAlloc(uint32_t pool) override { return flat_ ? 0 : board_.PageAlloc(pool); }
  void PageFree(uint32_t pool, uint64_t pa) override {
    if (flat_) return Break("a page was freed", pa, pool);
    board_.PageFree(pool, pa);
  }
  void UnuseDma(uint64_t pa, uint64_t size) override {
    if (flat_) return Break("a reference was dropped", pa, size);
    board_.UnuseDma(pa, size);
  }
  void Lock(uint32_t id) override {
    if (!flat_) board_.Lock(id);
  }
  void Unlock(uint32_t id) override {
    if (!flat_) board_.Unlock(id);
  }
  uint32_t CpuId() override { return 0; }
  void Relax() override {
    if (!flat_) board_.Relax();
  }
  uint64_t TimeUs() override { return flat_ ? time_us_++ : board_.TimeUs(); }
  void Notify(uint32_t owner, const sidewall_fault& fault) override {
    if (!flat_) board_.Notify(owner, fault);
  }
  void Log(uint32_t reason, uint64_t a, uint64_t b) override {
    if (!flat_) board_.Log(reason, a, b);
  }
  void Panic(uint32_t line) override {
    if (!flat_) return board_.Panic(line);
    Break("the driver panicked", line, 0);
  }

 private:
  const model::SmmuSpec& spec() const { return board_.spec().smmu[kSmmu]; }
  uint16_t host_banks() const { return spec().banks - spec().el2_banks; }
  uint16_t host_entries() const { return spec().entries - spec().el2_entries; }

  void HostWrite(uint64_t window, uint64_t offset, uint32_t value) {
    board_.Apply({.kind = EventKind::kHostWrite, .arg = {window, offset, 4, value, 0, 0}}, *this);
  }

  // What stands round the swept register.
  void SetUp() {
    board_.Apply({.kind = EventKind::kVmCreate}, *this);
    const Event assign = {.kind = EventKind::kVmAssign, .arg = {0, spec().side, kGuestStream}};
    report_.guest = board_.Apply(assign, *this).result == Expect::kOk;
    for (uint64_t window : {kWindow, kWindow + 1}) {
      HostWrite(window, layout::Cba2r(spec()) + 4 * kBank, 1);
      HostWrite(window, layout::Cbar(spec()) + 4 * kBank, 0x1f300);
      HostWrite(window, layout::Bank(spec(), kBank) + layout::kSctlr, 0x1067);
      HostWrite(window, layout::kS2cr, kBank);
      HostWrite(window, layout::kSmr, kValid | kUpperBits | kHostStream);
      HostWrite(window, layout::kS2cr + 4 * kSwept, kBank);
      HostWrite(window, layout::kSmr + 4 * kSwept, kValid | kUpperBits | kSweptStream);
    }
  }

  void Flatten() {
    for (size_t n = 0; n < 2; n++) {
      const size_t instance = board_.machine().InstanceIndex(spec().side, static_cast<uint8_t>(n));
      words_[n].resize(spec().window_size / 4);
      for (uint32_t offset = 0; offset < spec().window_size; offset += 4) {
        words_[n][offset / 4] = board_.machine().Peek32(instance, offset);
      }
    }
    const model::Range& mc = board_.spec().mc_window[0];
    mc_.resize(mc.size / 4);
    for (uint64_t at = 0; at < mc.size; at += 4) {
      uint32_t word = 0;
      board_.Read32(mc.start + at, &word);
      mc_[at / 4] = word;
    }
    first_ = words_[0];
    first_mc_ = mc_;
    flat_ = true;
  }

  uint64_t AddressOfPolicy() const {
    const uint64_t smmu = spec().window[0];
    switch (policy_) {
      case Policy::kSCr0:
        return smmu + layout::kSCr0;
      case Policy::kS2cr:
        return smmu + layout::kS2cr + 4 * kSwept;
      case Policy::kSmr:
        return smmu + layout::kSmr + 4 * kSwept;
      case Policy::kCbar:
        return smmu + layout::Cbar(spec()) + 4 * kBank;
      case Policy::kCba2r:
        return smmu + layout::Cba2r(spec()) + 4 * kBank;
      case Policy::kSctlr:
        return smmu + layout::Bank(spec(), kBank) + layout::kSctlr;
      case Policy::kMcOverride:
        return board_.spec().mc_window[0].start + 8 * kClient;
      case Policy::kMcSecurity:
        return board_.spec().mc_window[0].start + 8 * kClient + 4;
    }
    return 0;
  }

  uint32_t* WordAt(uint64_t pa) {
    for (size_t n = 0; n < 2; n++) {
      if (pa - spec().window[n] < spec().window_size)
        return &words_[n][(pa - spec().window[n]) / 4];
    }
    const model::Range& mc = board_.spec().mc_window[0];
    return pa - mc.start < mc.size ? &mc_[(pa - mc.start) / 4] : nullptr;
  }

  void Store(uint64_t pa, uint32_t value) {
    uint32_t* word = WordAt(pa);
    if (word == nullptr) return Break("a store outside of what is swept", pa, value);
    for (size_t n = 0; n < 2; n++) {
      const auto offset = static_cast<uint32_t>(pa - spec().window[n]);
      if (pa - spec().window[n] >= spec().window_size) continue;
      if (!layout::IsPolicy(layout::PlaceOf(spec(), offset)))
        return;  // a command; words keep what can be read
      changed_ |= *word != value;
      *word = value;
      stored_ = offset;
      return CheckStore(n, offset, value);
    }
    report_.stores++;
    changed_ |= *word != value;
    *word = value;
    if (value != first_mc_[(pa - board_.spec().mc_window[0].start) / 4]) {
      Break("a word of the memory controller left what EL2 set", pa, value);
    }
  }

  // ---- The floor, after every store, on the instance that it went to.
  void CheckStore(size_t n, uint32_t offset, uint32_t value) {
    report_.stores++;
    uint16_t bank = 0;
    uint32_t at = 0;
    if (offset == layout::kSCr0) {
      const bool floor = (value & kSCr0One) == kSCr0One && (value & kSCr0Zero) == 0 &&
                         ((value ^ first_[0]) & kStall) == 0;
      if (!floor) Break("sCR0 left the floor", offset, value);
    } else if (layout::In(offset, layout::kSmr, spec().entries)) {
      CheckMatches(n, layout::IndexIn(offset, layout::kSmr));
    } else if (layout::In(offset, layout::Cbar(spec()), spec().banks) ||
               layout::In(offset, layout::Cba2r(spec()), spec().banks)) {
      if (value != first_[offset / 4]) Break("CBAR or CBA2R left what EL2 set", offset, value);
    } else if (layout::InAnyBank(spec(), offset, &bank, &at)) {
      CheckBank(bank, at, value);
    }
    CheckTargets(n);
  }

  void CheckBank(uint16_t bank, uint32_t at, uint32_t value) {
    if (at == layout::kSctlr && (value & kCfcfg) != 0) Break("a bank may stall", bank, value);
    const uint32_t offset = layout::Bank(spec(), bank) + at;
    const bool fixed = at == layout::kActlr || bank >= host_banks();
    // EL2's own banks go on and off and hide or show the host's interrupt; their tables stay.
    const bool same = at == layout::kSctlr || value == first_[offset / 4];
    if (fixed && !same) Break("a register that EL2 fixed has changed", offset, value);
  }

  // No entry of the host's that is valid covers a stream that is not the host's, under any upper
  // bits, or a stream that another valid entry matches.
  void CheckMatches(size_t n, uint16_t entry) {
    const uint32_t smr = words_[n][layout::kSmr / 4 + entry];
    if ((smr & kValid) == 0) return;
    for (uint16_t other = 0; other < spec().entries; other++) {
      const uint32_t its = words_[n][layout::kSmr / 4 + other];
      if (other != entry && (its & kValid) != 0 && Overlap(smr, its)) {
        Break("two valid entries match one stream", entry, smr);
      }
    }
    if (entry >= host_entries()) return;
    for (uint32_t stream = 0; stream < 128; stream++) {
      const bool foreign = stream == kQuarantine || (report_.guest && stream == kGuestStream);
      if (foreign && Overlap(smr, kUpperBits | stream)) {
        Break("an entry of the host's matches a stream of somebody else", entry, smr);
      }
    }
  }

  // What a valid entry does with its streams: a fault, or a bank with EL2's stage 2 under it, on.
  void CheckTargets(size_t n) {
    for (uint16_t entry = 0; entry < host_entries(); entry++) {
      const uint32_t s2cr = words_[n][layout::kS2cr / 4 + entry];
      if (TypeOf(s2cr) == 1) return Break("S2CR has type bypass", entry, s2cr);
      if (TypeOf(s2cr) != 0) continue;
      const uint32_t stage2 = SecondBankOf(first_[layout::Cbar(spec()) / 4 + kBank]);
      if (stage2 >= spec().banks) return Break("a bank of the host's has no stage 2", entry, s2cr);
      const uint32_t bank = BankOf(s2cr);
      if (bank >= host_banks() && bank != stage2 && bank < spec().banks) {
        return Break("S2CR names a bank that is not the host's", entry, s2cr);
      }
      const uint32_t on = words_[n][(layout::Bank(spec(), stage2) + layout::kSctlr) / 4];
      const bool valid = (words_[n][layout::kSmr / 4 + entry] & kValid) != 0;
      if (valid && bank < spec().banks && (on & kEnable) == 0) {
        return Break("a valid entry translates over a stage 2 that is off", entry, s2cr);
      }
    }
  }

  // When the call returns, both instances hold what was last stored to one of them.
  void CheckPair() {
    if (words_[0][stored_ / 4] != words_[1][stored_ / 4]) {
      Break("the two instances differ", stored_, words_[1][stored_ / 4]);
    }
  }

  void Break(const char* what, uint64_t where, uint64_t word) {
    if (report_.broken) return;
    report_.broken = true;
    report_.value = value_;
    char text[200];
    std::snprintf(text, sizeof(text), "%s (at 0x%llx: 0x%llx) after the host wrote 0x%08x to %s",
                  what, static_cast<unsigned long long>(where),
                  static_cast<unsigned long long>(word), value_, PolicyName(policy_));
    report_.what = text;
  }

  const Policy policy_;
  Board board_;
  NativeEngine engine_;
  bool flat_ = false;
  std::vector<uint32_t> words_[2], mc_;     // hardware, as plain words
  std::vector<uint32_t> first_, first_mc_;  // the same before the sweep
  uint32_t value_ = 0;
  uint32_t stored_ = 0;
  uint64_t time_us_ = 0;
  bool changed_ = false;
  SweepReport report_;
};

PolicySweep::PolicySweep(Policy policy) : bench_(new Bench(policy)) {}
PolicySweep::~PolicySweep() = default;
void PolicySweep::Run(const SweepRange& range) { bench_->Run(range); }
const SweepReport& PolicySweep::report() const { return bench_->report(); }

}  // namespace sidewall
