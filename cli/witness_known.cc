// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Where the two witnesses differ, and why each of them may.
#include "cli/witness.h"

namespace sidewall {
namespace {

constexpr char kFilled[] =
    "the driver gives a name to all that the host may not have; in the model nothing is there";
constexpr char kAllWords[] =
    "the driver closes all words that the page could have here; the model has those of 128 banks "
    "and 32 TBUs";
constexpr char kSecure[] =
    "a command of the secure side: ignored, which the driver spells as a command and the model as "
    "a register that is not there";
constexpr char kNotOffered[] =
    "a field of a feature that is not offered: hardware keeps it, the driver shows it as zero";
constexpr char kNotForHosts[] = "what a fault left there is EL2's to write; the host only reads it";
constexpr char kA18[] =
    "assumption A-18: that GPCDMA is behind these clients is inferred, and no source has their "
    "wiring; the driver goes by it, and the model leaves it free (choice 0 is the driver's)";

}  // namespace

const std::vector<Known>& KnownDifferences() {
  static const std::vector<Known> known = {
      {"bank.IMPDEF.offset", 0xd00, kAbsent, kFilled},
      {"bank.IMPDEF.width", 0x4, kAbsent, kFilled},
      {"bank.IMPDEF.count", 0x40, kAbsent, kFilled},
      {"bank.IMPDEF.stride", 0x4, kAbsent, kFilled},
      {"gr0.NSALIAS0.offset", 0x404, kAbsent, kFilled},
      {"gr0.NSALIAS0.width", 0x4, kAbsent, kFilled},
      {"gr0.NSALIAS0.count", 0x3, kAbsent, kFilled},
      {"gr0.NSALIAS0.stride", 0x4, kAbsent, kFilled},
      {"gr0.NSALIAS1.offset", 0x414, kAbsent, kFilled},
      {"gr0.NSALIAS1.width", 0x4, kAbsent, kFilled},
      {"gr0.NSALIAS1.count", 0xb, kAbsent, kFilled},
      {"gr0.NSALIAS1.stride", 0x4, kAbsent, kFilled},
      {"gr0.NSALIAS2.offset", 0x44c, kAbsent, kFilled},
      {"gr0.NSALIAS2.width", 0x4, kAbsent, kFilled},
      {"gr0.NSALIAS2.count", 0x6d, kAbsent, kFilled},
      {"gr0.NSALIAS2.stride", 0x4, kAbsent, kFilled},
      {"reserved.RESERVED.offset", 0x0, kAbsent, kFilled},
      {"reserved.RESERVED.width", 0x4, kAbsent, kFilled},
      {"reserved.RESERVED.count", 0x4000, kAbsent, kFilled},
      {"reserved.RESERVED.stride", 0x4, kAbsent, kFilled},
      {"ssd.SSDR.offset", 0x0, kAbsent, kFilled},
      {"ssd.SSDR.width", 0x4, kAbsent, kFilled},
      {"ssd.SSDR.count", 0x4000, kAbsent, kFilled},
      {"ssd.SSDR.stride", 0x4, kAbsent, kFilled},
      {"gid.ITOP_CXT.count", 60, 4, kAllWords},
      {"gid.TBUQOS.count", 64, 4, kAllWords},
      {"gr0.STLBIALL.access", 2, 4, kSecure},
      {"gr0.STLBIVALM.access", 2, 4, kSecure},
      {"gr0.STLBIVAM.access", 2, 4, kSecure},
      {"gr0.STLBIALLM.access", 2, 4, kSecure},
      {"gr0.sCR0.writable", 0x4ffffcc7, 0xcffffccf, kNotOffered},  // EXIDENABLE, VMID16EN
      {"gr0.sGFAR.writable", 0, ~uint64_t{0}, kNotForHosts},
      {"gr0.sGFSYNR0.writable", 0, 0x7f, kNotForHosts},
      {"gr0.sGFSYNR1.writable", 0, 0xffff7fff, kNotForHosts},
      {"gr0.sGFSYNR2.writable", 0, 0xffffffff, kNotForHosts},
      {"mc.SECURITY.writable", 0, 0x10101,
       "a host that could write these words could take the wall away; see the driver's rule 12"},
      {"client.140.class", 2, 3, kA18},
      {"client.140.sid", 4, 0x7e, kA18},
      {"client.140.side", 1, 3, kA18},
      {"client.141.class", 2, 3, kA18},
      {"client.141.sid", 4, 0x7e, kA18},
      {"client.141.side", 1, 3, kA18},
  };
  return known;
}

}  // namespace sidewall
