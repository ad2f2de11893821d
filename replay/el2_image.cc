// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#include "replay/el2_image.h"

#include <capstone/capstone.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gelf.h>
#include <libelf.h>
#include <unicorn/unicorn.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sidewall::replay {
namespace {

constexpr uint64_t kPage = 4096;

uint64_t RoundUp(uint64_t value) { return (value + kPage - 1) & ~(kPage - 1); }

[[noreturn]] void Refuse(const std::string& path, const std::string& what) {
  throw EngineError(
      fmt::format("{}: {}\n  what to do: build it with "
                  "cmake --build BUILD --target sidewall_el2_image",
                  path, what));
}

// An ELF file that is open for as long as this lives.
class ElfFile {
 public:
  explicit ElfFile(const std::string& path) : descriptor_(open(path.c_str(), O_RDONLY)) {
    if (descriptor_ < 0) Refuse(path, strerror(errno));
    elf_version(EV_CURRENT);
    elf_ = elf_begin(descriptor_, ELF_C_READ, nullptr);
    GElf_Ehdr header;
    if (elf_ == nullptr || elf_kind(elf_) != ELF_K_ELF || gelf_getehdr(elf_, &header) == nullptr ||
        header.e_machine != EM_AARCH64 || header.e_type != ET_EXEC) {
      Refuse(path, "not an aarch64 executable");
    }
  }
  ~ElfFile() {
    elf_end(elf_);
    close(descriptor_);
  }
  ElfFile(const ElfFile&) = delete;
  ElfFile& operator=(const ElfFile&) = delete;
  Elf* get() const { return elf_; }

 private:
  int descriptor_;
  Elf* elf_ = nullptr;
};

El2Image::Segment ReadSegment(Elf* elf, const GElf_Phdr& header, const std::string& path) {
  size_t size = 0;
  const char* file = elf_rawfile(elf, &size);
  if (file == nullptr || header.p_offset > size || header.p_filesz > size - header.p_offset ||
      header.p_filesz > header.p_memsz || header.p_memsz > (64u << 20)) {
    Refuse(path, "a segment lies outside the file");
  }
  El2Image::Segment segment;
  const uint64_t lead = header.p_vaddr & (kPage - 1);
  segment.address = header.p_vaddr - lead;
  segment.bytes.resize(RoundUp(lead + header.p_memsz));
  memcpy(segment.bytes.data() + lead, file + header.p_offset, header.p_filesz);
  if ((header.p_flags & PF_R) != 0) segment.prot |= UC_PROT_READ;
  if ((header.p_flags & PF_W) != 0) segment.prot |= UC_PROT_WRITE;
  if ((header.p_flags & PF_X) != 0) segment.prot |= UC_PROT_EXEC;
  return segment;
}

}  // namespace

El2Image El2Image::Load(const std::string& path) {
  const ElfFile file(path);
  El2Image image;
  image.path_ = path;
  size_t count = 0;
  elf_getphdrnum(file.get(), &count);
  for (size_t i = 0; i < count; ++i) {
    GElf_Phdr header;
    if (gelf_getphdr(file.get(), static_cast<int>(i), &header) == nullptr) continue;
    if (header.p_type != PT_LOAD || header.p_memsz == 0) continue;
    image.segments_.push_back(ReadSegment(file.get(), header, path));
  }
  Elf_Scn* section = nullptr;
  while ((section = elf_nextscn(file.get(), section)) != nullptr) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr || header.sh_type != SHT_SYMTAB) continue;
    Elf_Data* data = elf_getdata(section, nullptr);
    for (size_t i = 1; header.sh_entsize != 0 && i < header.sh_size / header.sh_entsize; ++i) {
      GElf_Sym symbol;
      if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) continue;
      const char* name = elf_strptr(file.get(), header.sh_link, symbol.st_name);
      if (name == nullptr || *name == '\0' || *name == '$') continue;  // $x and $d mark ranges
      image.by_name_[name] = symbol.st_value;
      image.by_address_[symbol.st_value] = name;
    }
  }
  if (image.segments_.empty()) Refuse(path, "no segment to load");
  return image;
}

uint64_t El2Image::Address(const std::string& name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) Refuse(path_, "no symbol " + name);
  return found->second;
}

std::string El2Image::Where(uint64_t address) const {
  auto next = by_address_.upper_bound(address);
  if (next == by_address_.begin()) return fmt::format("{:#x}", address);
  --next;
  if (next->first == address) return next->second;
  return fmt::format("{}+{:#x}", next->second, address - next->first);
}

std::vector<std::string> El2Image::Disassemble(uint64_t address) const {
  constexpr size_t kMaxLines = 16;
  std::vector<std::string> lines;
  csh handle = 0;
  if (cs_open(CS_ARCH_ARM64, CS_MODE_ARM, &handle) != CS_ERR_OK) return lines;
  cs_option(handle, CS_OPT_DETAIL, CS_OPT_ON);
  for (const Segment& segment : segments_) {
    if (address < segment.address || address - segment.address >= segment.bytes.size()) continue;
    const size_t start = address - segment.address;
    cs_insn* code = nullptr;
    const size_t count = cs_disasm(handle, segment.bytes.data() + start,
                                   segment.bytes.size() - start, address, kMaxLines, &code);
    for (size_t i = 0; i < count; ++i) {
      lines.push_back(fmt::format("{:#x} {}: {} {}", code[i].address, Where(code[i].address),
                                  code[i].mnemonic, code[i].op_str));
      if (cs_insn_group(handle, &code[i], CS_GRP_JUMP) ||
          cs_insn_group(handle, &code[i], CS_GRP_RET) || code[i].id == ARM64_INS_BL ||
          code[i].id == ARM64_INS_BRK) {
        break;
      }
    }
    if (count != 0) cs_free(code, count);
  }
  cs_close(&handle);
  if (lines.empty()) lines.push_back(fmt::format("{:#x}: no instruction of the image", address));
  return lines;
}

}  // namespace sidewall::replay
