// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// Programs in files, text or binary, told apart by the first bytes.
//
//     Program program;
//     std::string problem;
//     if (!LoadProgram("x.sw", &program, &problem)) Fail(problem);   // "x.sw:3:14: unknown ..."
#ifndef SIDEWALL_FUZZ_PROGRAM_FILE_H_
#define SIDEWALL_FUZZ_PROGRAM_FILE_H_

#include <string>
#include <string_view>
#include <vector>

#include "fuzz/program.h"

namespace sidewall::fuzz {

bool ReadFile(const std::string& path, std::string* bytes, std::string* problem);
// Writes beside the file first and then renames, so that nothing is ever half written. A link is
// followed, the file keeps its mode, and what is no regular file (a pipe, a device) is written to.
bool WriteFile(const std::string& path, std::string_view bytes, std::string* problem);

bool IsBinaryProgram(std::string_view bytes);
// "what (hint)" with file, line and column in front.
std::string ErrorText(const std::string& path, const ParseError& error);
// Either form; `path` only names the source in `problem`.
bool ParseProgram(std::string_view bytes, const std::string& path, Program* program,
                  std::string* problem);
// The error of one event of a text program, counted from 0: its line and column in front. False
// where the file is none, or has no such event.
bool ErrorAtEvent(const std::string& path, size_t index, const std::string& what,
                  const std::string& hint, std::string* problem);
bool LoadProgram(const std::string& path, Program* program, std::string* problem);

// The programs that a list of files and folders names: files as they are, folders searched for
// *.sw and *.swb, sorted. False when one of them does not exist.
bool FindPrograms(const std::vector<std::string>& paths, std::vector<std::string>* files,
                  std::string* problem);

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_PROGRAM_FILE_H_
