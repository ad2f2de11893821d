// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// The lives of what hardware names by index: which banks are in use, under which VMID and over
// which tables, and whether a VMID was flushed since its last use. It is kept from stores and
// loads alone, apart from what the model's TLB may hold, so that each is a witness for the other.
//
//     lives.OnCommand(instance, 0x64, 3);          // TLBIVMID of VMID 3
//     lives.OnCommand(instance, 0x70, 0);          // TLBGSYNC
//     lives.OnStatus(instance, 0);                 // read of TLBGSTATUS: complete
//     Clash clash = lives.OnBank(instance, 66);    // may bank 66 be in use as it is now?
//     lives.HistoryOfVmid(instance, 3);            // for people
#ifndef SIDEWALL_ORACLE_LIVES_H_
#define SIDEWALL_ORACLE_LIVES_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "model/machine.h"
#include "oracle/bits.h"

namespace sidewall {

// Why a bank may not use its VMID as it does.
struct Clash {
  enum Kind : uint8_t { kNone, kShared, kNotFlushed };
  Kind kind = kNone;
  uint8_t vmid = 0;
  uint64_t root = 0;   // of the bank
  uint64_t other = 0;  // the tables that the VMID was used over otherwise
};

class Lives {
 public:
  explicit Lives(const model::Machine& machine) : machine_(machine) {}

  void Reset();
  void Save();
  void Restore();
  // The event and the call that what follows belongs to.
  void SetNow(size_t event, const char* call) {
    event_ = static_cast<uint32_t>(event);
    call_ = call;
  }
  // What follows is an access of the host's own to the registers of a sync, which is passed on.
  // What the host waits for there is no wait of the driver's.
  void SetHosts(bool hosts) { hosts_ = hosts; }
  bool hosts() const { return hosts_; }
  // The board is up: what is in use now is the beginning, and nothing is owed.
  void Begin();

  // ---- What happens. Indices are those of the machine.
  // SCTLR, CBAR, CBA2R, TTBR0 or TCR of a bank was stored.
  Clash OnBank(size_t instance, uint16_t bank);
  // The S2CR or the SMR of an entry was stored.
  void OnEntry(size_t instance, uint16_t entry);
  void OnCommand(size_t instance, uint32_t offset, uint64_t value);
  // TLBGSTATUS was read and the bus answered.
  // True: a sync that was waited for is seen complete.
  bool OnStatus(size_t instance, uint32_t value);
  void OnPowerLoss(size_t instance);
  // A page went back to its pool: tables that begin there from now on are others.
  void OnFree(uint64_t pa);

  // ---- Questions.
  // The first VMID of an instance that is in use wrongly; kNone: there is none.
  Clash FindClash(size_t instance) const;
  // The driver's last sync of the instance's SMMU was not seen complete on all of its instances,
  // and since one that was, the bank has lost an S2CR that named it.
  bool WaitsForSync(size_t instance, uint16_t bank) const;
  // The clocks of all instances, and whether each instance that has had a bank on over `root` from
  // before then has since seen the end of an invalidation of its VMID. A use that began later is
  // under a VMID that was flushed before, which is another question (Clash).
  using Moment = std::array<uint64_t, model::kMaxInstances>;
  Moment Now() const;
  // What used the bank has been waited for: a sync that began after a valid entry last ceased to
  // lead there was seen complete, whoever asked for it.
  bool IsDrained(size_t instance, uint16_t bank) const;
  // A sync of the driver's own that began after that was seen complete on each instance of the
  // unit of `instance`.
  bool SyncedSince(size_t instance, const Moment& since) const;
  bool FlushedSince(uint64_t root, const Moment& since, size_t* instance) const;
  std::vector<std::string> HistoryOfVmid(size_t instance, uint8_t vmid) const;
  std::vector<std::string> HistoryOfBank(size_t instance, uint16_t bank) const;

 private:
  static constexpr size_t kVmids = 256;
  static constexpr size_t kBanks = model::kMaxBanks;
  static constexpr size_t kMaxNotes = 4096;
  static constexpr size_t kShownNotes = 12;

  // Sequence numbers of commands of one kind, 0: none. Later commands do not take away what earlier
  // ones have done: `before_sync` one that a sync had caught already, `seen` one whose sync was
  // seen to complete.
  struct Command {
    uint64_t last = 0;
    uint64_t before_sync = 0;
    uint64_t seen = 0;
    // The latest that is known to be complete, with what was seen until `done`.
    uint64_t Complete(uint64_t done) const {
      if (last <= done) return last;
      return before_sync <= done && before_sync > seen ? before_sync : seen;
    }
  };
  struct Clock {
    uint64_t now = 0;
    uint64_t caught = 0;  // by the last TLBGSYNC
    uint64_t done = 0;    // by one that was seen complete
    // The driver's own: its last, its last that was seen complete, and the same when last every
    // instance of the SMMU was.
    uint64_t asked = 0;
    uint64_t ended = 0;
    uint64_t whole = 0;
    Command all;
  };
  struct Tag {
    uint64_t root = 0;   // the tables of the present use, or of the last one; 0: never used
    uint64_t other = 0;  // of the use before, where it is owed
    uint64_t left = 0;   // when the last bank left
    uint64_t owed = 0;   // a flush since then is owed; 0: none
    uint32_t users = 0;  // banks
    Command flush;
    bool touched = false;
  };
  struct Use {
    uint64_t root = 0;
    uint64_t began = 0;
    uint64_t unnamed = 0;  // when an S2CR that named the bank went away
    uint64_t unused = 0;   // when an entry that was valid did, or ceased to be valid
    uint8_t vmid = 0;
    bool on = false;
    bool touched = false;
  };
  struct Named {
    uint16_t bank = model::kNoIndex;
    bool valid = false;
    bool touched = false;
  };
  struct Instance {
    Clock clock;
    std::array<Tag, kVmids> tag;
    std::array<Use, kBanks> use;
    std::array<uint64_t, kBanks / 64> on = {};  // the banks whose use is on, which are few
    std::array<Named, model::kMaxEntries> named;
  };
  enum class What : uint8_t {
    kOn,
    kOff,
    kFlush,
    kFlushAll,
    kSynced,
    kNamed,
    kUnnamed,
    kLost,
    kFreed
  };
  struct Note {
    uint32_t event = 0;
    What what = What::kOn;
    uint8_t instance = 0;
    uint8_t vmid = 0;
    uint16_t bank = model::kNoIndex;
    uint16_t entry = model::kNoIndex;
    uint64_t root = 0;
    const char* call = "";
  };
  enum Touched : uint8_t { kTag, kUse, kNamed };

  // Calls f(use) for each use that is on, by the number of its bank, until one call returns true.
  template <typename F>
  static bool AnyOn(const Instance& instance, F f) {
    return AnyBit(instance.on, [&](uint32_t bank) { return f(instance.use[bank]); });
  }
  static void NoteOn(Instance& instance, uint16_t bank) {
    const uint64_t bit = uint64_t{1} << (bank % 64);
    uint64_t& on = instance.on[bank / 64];
    on = instance.use[bank].on ? on | bit : on & ~bit;
  }
  static Use Stage2Use(const model::SmmuInstance& smmu, uint16_t bank);
  static Use UseOf(const model::SmmuInstance& smmu, uint16_t bank);
  bool Follow(size_t instance, uint16_t bank);
  Tag& TouchTag(size_t instance, uint8_t vmid);
  Use& TouchUse(size_t instance, uint16_t bank);
  void Issue(Clock& clock, Command* command);
  // Instances of one SMMU: [first, end).
  struct Unit {
    size_t first, end;
  };
  Unit UnitOf(size_t instance) const;
  bool IsWhole(const Unit& unit) const;
  bool FlushedSince(size_t instance, const Tag& tag, uint64_t since) const;
  void Enter(size_t instance, const Use& use);
  void Leave(size_t instance, const Use& use);
  Clash ClashOf(size_t instance, const Use& use) const;
  void Unname(size_t instance, uint16_t bank, bool named, bool used);
  void Keep(Note note);
  std::string Line(const Note& note) const;

  const model::Machine& machine_;
  std::vector<Instance> now_, saved_;
  struct TouchedItem {
    Touched kind;
    uint8_t instance;
    uint16_t index;
  };
  std::vector<TouchedItem> touched_;
  std::vector<Note> notes_;
  uint32_t event_ = 0;
  const char* call_ = "";
  bool hosts_ = false;
};

}  // namespace sidewall

#endif  // SIDEWALL_ORACLE_LIVES_H_
