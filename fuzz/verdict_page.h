// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// A verdict as a page of text: the invariant, the event, the last store of the driver with the word
// before and after it, the path with its registers decoded, and since when it is wrong.
//
//     for (const std::string& line : VerdictPage(verdict, program, LineOf)) puts(line.c_str());
//     // event   [4] hyp.donate pages=0x80001000+2 to=guest0
//     // store   niso0   S2CR[5] = 0x10000  type=bypass
//     // before  0x20000  type=fault
//     // by      ComposeEntry at driver/smmu_stream.cc:97
//     ...
#ifndef SIDEWALL_FUZZ_VERDICT_PAGE_H_
#define SIDEWALL_FUZZ_VERDICT_PAGE_H_

#include <functional>
#include <string>
#include <vector>

#include "fuzz/program.h"
#include "oracle/invariant.h"

namespace sidewall::fuzz {

// The functions that an address of this program's code lies in, innermost first, each with its
// place; empty where that cannot be told.
using LinesOf = std::function<std::vector<std::string>(const void* site)>;

std::vector<std::string> VerdictPage(const Verdict& verdict, const Program& program,
                                     const LinesOf& lines_of);

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_VERDICT_PAGE_H_
