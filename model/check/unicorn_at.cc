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

#include "model/check/qemu.h"

namespace sidewall::check {
namespace {

// Where nothing of the image lies; the loop returns to it, and there Unicorn stops.
constexpr uint64_t kStop = kRamStart + 0x1000;

void Must(uc_err code, const char* what) {
  if (code != UC_ERR_OK) {
    throw std::runtime_error(std::string("Unicorn: ") + what + ": " + uc_strerror(code));
  }
}

}  // namespace

bool UnicornCan(const Case& one) {
  const unsigned half = (one.address >> 55 & 1) != 0 ? 1 : 0;
  const unsigned size = one.stage1.size[half];
  return one.stage1.on && !one.stage2.on && !IsBothStages(one.operation) && size >= 25 &&
         size <= 39 && one.reserved_block_stage == 0;
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
    entry = Load(bytes);
    Must(uc_open(UC_ARCH_ARM64, UC_MODE_ARM, &uc), "open");
    Must(uc_mem_map_ptr(uc, kRamStart, kRamSize, UC_PROT_ALL, ram), "map");
  }
  ~Impl() {
    if (uc != nullptr) uc_close(uc);
    munmap(ram, kRamSize);
  }

  // Puts the segments in place; the address of CheckRunBatch.
  uint64_t Load(const std::vector<char>& bytes) {
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
      const auto* symbols = reinterpret_cast<const Elf64_Sym*>(bytes.data() + sections[i].sh_offset);
      const char* names = bytes.data() + sections[sections[i].sh_link].sh_offset;
      for (size_t n = 0; n < sections[i].sh_size / sizeof(Elf64_Sym); ++n) {
        if (std::strcmp(names + symbols[n].st_name, "CheckRunBatch") == 0) {
          return symbols[n].st_value;
        }
      }
    }
    throw Unavailable("the bare image has no CheckRunBatch");
  }

  uc_engine* uc = nullptr;
  char* ram = nullptr;
  uint64_t entry = 0;
};

UnicornAt::UnicornAt(const std::string& image) : impl_(std::make_unique<Impl>(image)) {}
UnicornAt::~UnicornAt() = default;

Batch& UnicornAt::batch() {
  return reinterpret_cast<Mailbox*>(impl_->ram + (kMailboxStart - kRamStart))->batch[0];
}

void UnicornAt::Run() {
  uc_engine* uc = impl_->uc;
  batch().has_el2 = 0;
  const uint64_t argument = kMailboxStart + offsetof(Mailbox, batch);
  for (const auto& [name, value] : {std::pair(UC_ARM64_REG_X0, argument),
                                    std::pair(UC_ARM64_REG_SP, uint64_t{kStackTop}),
                                    std::pair(UC_ARM64_REG_LR, uint64_t{kStop})}) {
    Must(uc_reg_write(uc, name, &value), "register");
  }
  // The loop itself must not run through the tables that it tries.
  Must(uc_emu_start(uc, impl_->entry, kStop, 0, 0), "run");
}

}  // namespace sidewall::check
