// SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
//
// How text spells one argument, both ways. A word that has no name is a number, and a number is
// accepted wherever a name is, so that every value has a spelling:
//
//     OwnerWord(3);                          // "guest1"
//     OwnerWord(0x1234567);                  // "0x1234567"
//     uint64_t owner;
//     ParseOwnerWord("guest1", &owner);      // 3
//
// The names of registers, fields, windows and clients come from model/registers.h.
#ifndef SIDEWALL_FUZZ_SPELLING_H_
#define SIDEWALL_FUZZ_SPELLING_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "model/event.h"
#include "model/registers.h"

namespace sidewall::fuzz {

// 0 to 9 in decimal, all else in hexadecimal: one way for every number.
std::string NumberWord(uint64_t value);
// Decimal or 0x-hexadecimal; false for anything else and beyond 64 bits.
bool ParseNumberWord(std::string_view word, uint64_t* value);

std::string OwnerWord(uint64_t owner);
bool ParseOwnerWord(std::string_view word, uint64_t* owner);

std::string SideWord(uint64_t side);
bool ParseSideWord(std::string_view word, uint64_t* side);

std::string ClientWord(uint64_t client);
bool ParseClientWord(std::string_view word, uint64_t* client);

// Empty when the window has no name; it is then written as window=NUMBER.
std::string WindowWord(uint64_t window);
bool ParseWindowWord(std::string_view word, uint64_t* window);

std::string RegisterWord(uint64_t window, uint64_t offset);
bool ParseRegisterWord(uint64_t window, std::string_view word, uint64_t* offset);

// The register that starts exactly at `offset`, else null.
const model::RegisterInfo* ExactRegister(uint64_t window, uint64_t offset);
const model::FieldInfo* FindField(const model::RegisterInfo& reg, std::string_view name);
// Value of one field: a number, or the name of a value.
bool ParseFieldValue(const model::FieldInfo& field, std::string_view word, uint64_t* value);
// "type=bypass", fields that are not zero from the lowest bit up. Empty when a number says it
// better: bits outside every field, zero, a 64-bit register, or more fields than one can read.
std::string FieldsText(uint64_t window, uint64_t offset, uint64_t width, uint64_t value);

// Names that mean something after any event, and so cannot be a field's.
bool IsReservedName(std::string_view name);

std::string DriverWord(uint16_t driver);
bool ParseDriverWord(std::string_view word, uint16_t* driver);
std::string ExpectWord(uint8_t expect);
bool ParseExpectWord(std::string_view word, uint8_t* expect);

const EventSpec* FindEventSpec(std::string_view name);

}  // namespace sidewall::fuzz

#endif  // SIDEWALL_FUZZ_SPELLING_H_
