#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# Holds an EL2 object against what a hypervisor accepts: no undefined symbol but the waist's, no
# section groups, constructors, thread-local storage, unwind tables or writable data, only
# relocations that a hypervisor applies, and no use of floating-point registers.
#
#     check_el2_object.sh build/el2/driver/driver-el2-clang.o
set -eu
object=$1
status=0
complain() {
  if [ -n "$2" ]; then
    echo "$object: $1:" $2 >&2
    status=1
  fi
}

# The four functions that a compiler may call are defined in the object itself.
complain "undefined symbols" \
  "$(llvm-nm-19 -u "$object" | awk '$NF !~ /^sidewall_plat_/ { print $NF }')"

complain "exported symbols" \
  "$(llvm-nm-19 --defined-only --extern-only "$object" |
    awk '$NF !~ /^sidewall_|^_Z.*15sidewall_detail|^mem(cpy|move|set|cmp)$/ { print $NF }')"

# Fields: name, type, address, offset, size. An empty section is harmless.
complain "sections" \
  "$(llvm-readelf-19 -S --wide "$object" | sed -n 's/^ *\[ *[0-9]*\] *//p' | awk '
    $2 == "GROUP" { print $1 }
    $1 ~ /^\.(init_array|ctors|tdata|tbss|eh_frame|got|data|bss)/ && $5 !~ /^0+$/ { print $1 }')"

accepted='ABS64 PREL64 PREL32 PREL16 PLT32 LD_PREL_LO19 ADR_PREL_LO21 ADR_PREL_PG_HI21
  ADR_PREL_PG_HI21_NC ADD_ABS_LO12_NC LDST8_ABS_LO12_NC LDST16_ABS_LO12_NC LDST32_ABS_LO12_NC
  LDST64_ABS_LO12_NC LDST128_ABS_LO12_NC TSTBR14 CONDBR19 JUMP26 CALL26'
complain "relocations" \
  "$(llvm-readelf-19 -r --wide "$object" | awk -v accepted="$accepted" '
    BEGIN { n = split(accepted, name); for (i = 1; i <= n; i++) ok["R_AARCH64_" name[i]] = 1 }
    $3 ~ /^R_AARCH64_/ && !ok[$3] { print $3 }' | sort -u)"

complain "floating-point registers" \
  "$(llvm-objdump-19 -d --no-show-raw-insn "$object" | awk -F'\t' '
    $NF ~ /(^|[ ,{\[])([qdshb][0-9]+|v[0-9]+\.[0-9]*[bhsdq])([], }]|$)/ { print $(NF-1), $NF }' |
    head -3)"
exit $status
