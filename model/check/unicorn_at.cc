// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "model/check/unicorn_at.h"

#include <elf.h>
#include <sys/mman.h>
#include <unicorn/unicorn.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <vector>

#include "model/check/cpu.h"
#include "model/check/qemu.h"

namespace sidewall::check {
namespace {

// Where nothing of the image lies; the loop returns to it, and there Unicorn stops.
constexpr uint64_t kStop = kRamStart + 0x1000;
// What a block has to have so that code and data of EL1 go through it.
constexpr uint64_t kBlockBits = 0x401;

// The bits of an address that a block of the root covers, for roots that have blocks.
constexpr unsigned RootShift(unsigned page_bits) { return page_bits == 12 ? 30 : 29; }

void Must(uc_err code, const char* what) {
  if (code != UC_ERR_OK) {
    throw std::runtime_error(std::string("Unicorn: ") + what + ": " + uc_strerror(code));
  }
}

}  // namespace

bool UnicornCan(const Case& one) {
  const Stage1& stage = one.stage1;
  if (!stage.on || one.stage2.on || stage.wxn || IsBothStages(one.operation)) return false;
  // Unicorn 2.0 knows no address size faults.
  constexpr unsigned kWidest = 5;
  // A root with blocks that reaches the RAM of the image, which the address avoids.
  const bool root = stage.size[0] >= 25 && stage.size[0] <= 33 && !stage.disabled[0] &&
                    stage.root[0] >= kTablesStart && stage.root[0] < kTablesEnd;
  const uint64_t address = one.address << 8 >> 8;
  const unsigned shift = RootShift(stage.granule[0]);
  return root && address >> 55 == 0 && address >> shift != kRamStart >> shift &&
         one.aim != Aim::kExternalAbort && stage.output == kWidest;
}

struct UnicornAt::Impl {
  explicit Impl(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
    if (bytes.size() < sizeof(Elf64_Ehdr)) throw Unavailable("no bare image at " + path);
    void* memory = mmap(nullptr, kRamSize, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw Unavailable("no memory for Unicorn");
    ram = static_cast<char*>(memory);
    Load(bytes);
    Must(uc_open(UC_ARCH_ARM64, UC_MODE_ARM, &uc), "open");
    Must(uc_mem_map_ptr(uc, kRamStart, kRamSize, UC_PROT_ALL, ram), "map");
    // EL1 is AArch64, which the levels above it have to say: SCR_EL3.RW and NS, HCR_EL2.RW.
    SetSystemRegister(6, 0x401);
    SetSystemRegister(4, uint64_t{1} << 31);
  }
  // Both are register 0 of CRn 1, CRm 1, of the level that op1 stands for.
  void SetSystemRegister(uint32_t op1, uint64_t value) {
    uc_arm64_cp_reg name = {1, 1, 3, op1, 0, value};
    Must(uc_reg_write(uc, UC_ARM64_REG_CP_REG, &name), "system register");
  }
  ~Impl() {
    if (uc != nullptr) uc_close(uc);
    munmap(ram, kRamSize);
  }

  // Puts the segments in place and finds the loop.
  void Load(const std::vector<char>& bytes) {
    const auto* head = reinterpret_cast<const Elf64_Ehdr*>(bytes.data());
    const auto* segments = reinterpret_cast<const Elf64_Phdr*>(bytes.data() + head->e_phoff);
    for (size_t i = 0; i < head->e_phnum; ++i) {
      const Elf64_Phdr& segment = segments[i];
      if (segment.p_type != PT_LOAD) continue;
      std::memcpy(ram + (segment.p_paddr - kRamStart), bytes.data() + segment.p_offset,
                  segment.p_filesz);
    }
    const auto* sections = reinterpret_cast<const Elf64_Shdr*>(bytes.data() + head->e_shoff);
    for (size_t i = 0; i < head->e_shnum; ++i) {
      if (sections[i].sh_type != SHT_SYMTAB) continue;
      const auto* symbols =
          reinterpret_cast<const Elf64_Sym*>(bytes.data() + sections[i].sh_offset);
      const char* names = bytes.data() + sections[sections[i].sh_link].sh_offset;
      for (size_t n = 0; n < sections[i].sh_size / sizeof(Elf64_Sym); ++n) {
        const char* name = names + symbols[n].st_name;
        if (std::strcmp(name, "CheckRunBatch") == 0) loop = symbols[n].st_value;
      }
    }
    if (loop == 0) throw Unavailable("the bare image lacks CheckRunBatch");
  }

  uc_engine* uc = nullptr;
  char* ram = nullptr;
  uint64_t loop = 0;
};

UnicornAt::UnicornAt(const std::string& image) : impl_(std::make_unique<Impl>(image)) {}
UnicornAt::~UnicornAt() = default;

Batch& UnicornAt::batch() {
  return reinterpret_cast<Mailbox*>(impl_->ram + (kMailboxStart - kRamStart))->batch[0];
}

bool UnicornAt::Append(Case one) {
  const uint64_t entry = one.stage1.root[0] + 8 * (kRamStart >> RootShift(one.stage1.granule[0]));
  one.stores.push_back({entry, kRamStart | kBlockBits});
  return AppendCase(one, &batch(), &store_count_);
}

Batch& UnicornAt::Begin() {
  store_count_ = 0;
  batch().case_count = 0;
  batch().has_el2 = 0;
  return batch();
}

void UnicornAt::Run() {
  const uint64_t argument = kMailboxStart + offsetof(Mailbox, batch);
  for (const auto& [name, value] :
       {std::pair(UC_ARM64_REG_X0, argument), std::pair(UC_ARM64_REG_SP, uint64_t{kStackTop}),
        std::pair(UC_ARM64_REG_LR, uint64_t{kStop})}) {
    Must(uc_reg_write(impl_->uc, name, &value), "register");
  }
  Must(uc_emu_start(impl_->uc, impl_->loop, kStop, 0, 0), "run");
}

}  // namespace sidewall::check
