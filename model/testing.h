// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// What the tests of this room share: a machine with its memory, a watcher that keeps the leaves
// that it was told of, and short ways to build contexts and tables.
//
//     Rig rig("tiny");
//     rig.Stage2Bank(2, 3, rig.root(), 7);         // instance 2, bank 3, VMID 7
//     rig.Map(rig.root(), 0x80001000, 0x80001000, kPermRead);
//     rig.Stream(2, 0, 0x06, 3);
#ifndef SIDEWALL_MODEL_TESTING_H_
#define SIDEWALL_MODEL_TESTING_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <vector>

#include "model/machine.h"

namespace sidewall::model {

// (root, ipa) to (page, permission), as the calls say. Fails on calls that make no sense.
class Leaves : public Watcher {
 public:
  using Key = std::pair<uint64_t, uint64_t>;
  using Value = std::pair<uint64_t, uint8_t>;
  using Exact = std::tuple<uint64_t, uint64_t, uint64_t, uint16_t>;  // with attributes

  void OnLeaves(const LeafChange& first, uint64_t pages) override {
    LeafChange change = first;
    ++calls;
    for (uint64_t i = 0; i < pages; ++i) {
      OnLeaf(change);
      change.ipa += kPageSize;
      change.page += kPageSize;
    }
  }
  void OnLeaf(const LeafChange& change) {
    const Key key = {change.root, change.ipa};
    const Value value = {change.page, change.perm};
    const Exact exact = {change.root, change.ipa, change.page, change.attributes};
    if (change.added) {
      // While a store is not visible an address has an old leaf and a new one, never one twice.
      sound = sound && live.count(change.root) != 0 && told.insert(exact).second;
      leaves.emplace(key, value);
    } else {
      const auto found = Find(key, value);
      sound = sound && found != leaves.end() && told.erase(exact) == 1;
      if (found != leaves.end()) leaves.erase(found);
    }
  }
  void OnTree(uint64_t root, bool now) override {
    if (now) {
      sound = sound && live.insert({root, false}).second;
      return;
    }
    sound = sound && live.erase(root) == 1;
    leaves.erase(leaves.lower_bound({root, 0}), leaves.upper_bound({root, ~uint64_t{0}}));
    told.erase(told.lower_bound({root, 0, 0, 0}), told.lower_bound({root + 1, 0, 0, 0}));
  }
  void OnWildTree(uint64_t root) override {
    sound = sound && live.count(root) != 0;
    live[root] = true;
  }
  bool Wild(uint64_t root) const { return live.count(root) != 0 && live.at(root); }

  std::multimap<Key, Value>::iterator Find(const Key& key, const Value& value) {
    const auto [first, last] = leaves.equal_range(key);
    for (auto it = first; it != last; ++it) {
      if (it->second == value) return it;
    }
    return leaves.end();
  }

  std::multimap<Key, Value> leaves;
  std::set<Exact> told;
  std::map<uint64_t, bool> live;  // root to wild
  uint64_t calls = 0;             // of OnLeaves
  bool sound = true;
};

// Shorthand for TCR of a stage-2 bank: 4 KiB granule, 48 bits from level 0.
inline constexpr uint32_t kStage2Tcr = 0x80050090;
inline constexpr uint64_t kLeafBits = 0x403 | 0xf << 2;  // valid page, AF, normal memory

class Rig {
 public:
  explicit Rig(const char* board_name, size_t slots = 256) : board(FindBoard(board_name)) {
    Build(slots);
  }
  Rig(const BoardSpec* spec, size_t slots) : board(spec) { Build(slots); }

  void Reset() {
    watcher = Leaves();
    machine->Reset(*board, arena, &choices, &watcher);
    next_page_ = board->pool.start;
  }
  void Choose(std::vector<uint8_t> bytes) {
    choice_bytes_ = std::move(bytes);
    choices = Choices(choice_bytes_.data(), choice_bytes_.size());
  }

  uint64_t Window(size_t instance) const { return machine->smmu(instance).window; }
  void Write(size_t instance, uint32_t offset, uint32_t value) {
    machine->Write32(Window(instance) + offset, value);
  }
  void Write64(size_t instance, uint32_t offset, uint64_t value) {
    machine->Write64(Window(instance) + offset, value);
  }
  uint32_t Read(size_t instance, uint32_t offset) {
    uint32_t value = 0xdeadbeef;
    answered = machine->Read32(Window(instance) + offset, &value);
    return value;
  }
  static uint32_t Cb(uint32_t bank, uint32_t offset) { return 0x800000 + bank * 0x10000 + offset; }

  uint64_t NewPage() {
    const uint64_t page = next_page_;
    next_page_ += kPageSize;
    return page;
  }
  // CLIENTPD off, unmatched streams fault, and nothing of before in the TLB.
  void Open(size_t instance) {
    Write(instance, 0, 0x00200400);
    Write(instance, 0x68, 0);
    Write(instance, 0x6c, 0);
    GlobalSync(instance);
    machine->ResetStatistics();
  }
  void Stream(size_t instance, uint32_t entry, uint32_t sid, uint32_t bank) {
    Write(instance, 0xc00 + 4 * entry, bank);
    Write(instance, 0x800 + 4 * entry, 0xff800000 | sid);
  }
  void Stage2Bank(size_t instance, uint32_t bank, uint64_t root, uint8_t vmid,
                  uint32_t tcr = kStage2Tcr) {
    Write(instance, 0x10800 + 4 * bank, 1);
    Write(instance, 0x10000 + 4 * bank, vmid);
    Write(instance, Cb(bank, 0x30), tcr);
    Write64(instance, Cb(bank, 0x20), root);
    Write(instance, Cb(bank, 0), 0x161);
  }
  // Stream 6 of both instances of niso0 through bank 3, over one new tree, whose root is returned.
  uint64_t OpenPair(uint8_t vmid) {
    const uint64_t root = NewPage();
    for (const size_t i : {size_t{2}, size_t{3}}) {
      Open(i);
      Stage2Bank(i, 3, root, vmid);
      Stream(i, 0, 6, 3);
    }
    return root;
  }
  // A stage-1 bank over `second`: 48 bits, 4 KiB, TTBR0.
  void NestedBank(size_t instance, uint32_t bank, uint32_t second, uint8_t vmid, uint64_t table) {
    Write(instance, 0x10800 + 4 * bank, 1);
    Write(instance, 0x10000 + 4 * bank, 0x30000 | second << 8 | vmid);
    Write(instance, Cb(bank, 0x10), 0x38015);
    Write(instance, Cb(bank, 0x30), 0x00800010);
    Write64(instance, Cb(bank, 0x20), table);
    Write(instance, Cb(bank, 0), 0x1067);
  }

  // Makes the tables above a leaf, in the pool, and stores the leaf (or any descriptor).
  void Put(uint64_t root, uint64_t ipa, uint64_t descriptor, unsigned leaf_level = 3) {
    uint64_t table = root;
    for (unsigned level = 0; level < leaf_level; ++level) {
      const uint64_t slot = table + (ipa >> (39 - 9 * level) & 511) * 8;
      if ((machine->Load64(slot) & 1) == 0) Store(slot, NewPage() | 3);
      table = machine->Load64(slot) & kAddressMask;
    }
    Store(table + (ipa >> (39 - 9 * leaf_level) & 511) * 8, descriptor);
  }
  // A store to a table that is visible when this returns.
  void Store(uint64_t pa, uint64_t value) {
    machine->TableWrite64(pa, value);
    machine->Clean(pa, 8);
    machine->Barrier();
  }
  void Zero(uint64_t page) {
    machine->TableZero(page);
    machine->Clean(page, kPageSize);
    machine->Barrier();
  }
  void Map(uint64_t root, uint64_t ipa, uint64_t page, uint8_t perm) {
    Put(root, ipa, page | kLeafBits | uint64_t{perm} << 6);
  }
  void Unmap(uint64_t root, uint64_t ipa) { Put(root, ipa, 0); }
  // The same for a stage-1 tree in host memory at `table`, using pages after it.
  void PutHost(uint64_t table, uint64_t va, uint64_t descriptor) {
    for (uint64_t level = 0; level < 3; ++level) {
      const uint64_t slot = table + (va >> (39 - 9 * level) & 511) * 8;
      if ((machine->Load64(slot) & 1) == 0) {
        host_page_ += kPageSize;
        machine->Store64(slot, host_page_ | 3);
      }
      table = machine->Load64(slot) & kAddressMask;
    }
    machine->Store64(table + (va >> 12 & 511) * 8, descriptor);
  }
  void HostTables(uint64_t first) { host_page_ = first; }

  bool GlobalSync(size_t instance) {
    Write(instance, 0x70, 0);
    return Read(instance, 0x74) == 0;
  }

  const BoardSpec* board;
  Arena arena;
  std::unique_ptr<Machine> machine = std::make_unique<Machine>();
  Leaves watcher;
  Choices choices;
  bool answered = false;

 private:
  void Build(size_t slots) {
    arena.pool_pages = board->pool.size / kPageSize;
    pool_.assign(arena.pool_pages * kPageWords, 0);
    data_.assign(slots * kPageWords, 0);
    keys_.assign(slots, 0);
    work_.assign(Machine::WorkSize(arena.pool_pages) / 8 + 1, 0);
    snapshot_.assign(Machine::SnapshotSize(arena.pool_pages, slots) / 8 + 1, 0);
    arena.pool = pool_.data();
    arena.page_data = data_.data();
    arena.page_keys = keys_.data();
    arena.page_slots = slots;
    arena.work = work_.data();
    arena.work_size = work_.size() * 8;
    arena.snapshot = snapshot_.data();
    arena.snapshot_size = snapshot_.size() * 8;
    Reset();
  }

  std::vector<uint64_t> pool_, data_, keys_, work_, snapshot_;
  std::vector<uint8_t> choice_bytes_;
  uint64_t next_page_ = 0;
  uint64_t host_page_ = 0;
};

}  // namespace sidewall::model

#endif  // SIDEWALL_MODEL_TESTING_H_
