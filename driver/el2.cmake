# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# The driver as it ships: freestanding aarch64, one relocatable object, which a hypervisor links
# under a prefix of its own. Built with both compilers:
#
#     sidewall_el2_object(OUTPUT driver-el2-clang.o COMPILER clang FOLDER ${copy}/driver)
#
# FOLDER is a folder like this one (a patched copy, say); its parent must be that of the copy.
find_program(SIDEWALL_EL2_CLANG clang++-19)
find_program(SIDEWALL_EL2_GCC aarch64-linux-gnu-g++-12)
find_program(SIDEWALL_EL2_LLD ld.lld-19)

# Sets OUT to the flags of el2/flags.txt for a compiler (clang, gcc) and a language (c, cxx).
function(sidewall_el2_flags OUT COMPILER LANGUAGE)
  set(file ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/el2/flags.txt)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(STRINGS ${file} lines REGEX "^(all|${COMPILER}|${LANGUAGE}) ")
  list(TRANSFORM lines REPLACE "^[a-z]+ " "")
  set(${OUT} ${lines} PARENT_SCOPE)
endfunction()

function(sidewall_el2_object)
  cmake_parse_arguments(PARSE_ARGV 0 A "" "OUTPUT;COMPILER;FOLDER" "")
  if(A_COMPILER STREQUAL "clang")
    set(compiler ${SIDEWALL_EL2_CLANG})
  else()
    set(compiler ${SIDEWALL_EL2_GCC})
  endif()
  sidewall_el2_flags(flags ${A_COMPILER} cxx)
  include(${A_FOLDER}/sources.cmake)
  get_filename_component(parent ${A_FOLDER} DIRECTORY)
  get_filename_component(folder_name ${A_FOLDER} NAME)
  if(NOT folder_name STREQUAL "driver")
    message(FATAL_ERROR "${A_FOLDER}: a copy of the driver must be a folder named driver.")
  endif()
  file(GLOB headers CONFIGURE_DEPENDS ${A_FOLDER}/*.h ${A_FOLDER}/*.inc
       ${A_FOLDER}/include/sidewall/*.h)
  set(objects "")
  foreach(source IN LISTS DRIVER_SOURCES DRIVER_FREESTANDING_SOURCES)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${A_OUTPUT}.dir/${source}.o)
    add_custom_command(
      OUTPUT ${object}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_BINARY_DIR}/${A_OUTPUT}.dir
      COMMAND ${compiler} ${flags} -I${parent} -I${A_FOLDER}/include -c ${A_FOLDER}/${source} -o
              ${object}
      DEPENDS ${A_FOLDER}/${source} ${headers}
      VERBATIM)
    list(APPEND objects ${object})
  endforeach()
  # Inline functions that are emitted land in section groups, which a hypervisor's relocation step
  # would leave out without a word: the groups are dissolved.
  add_custom_command(
    OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${A_OUTPUT}
    COMMAND ${SIDEWALL_EL2_LLD} -r --force-group-allocation ${objects} -o
            ${CMAKE_CURRENT_BINARY_DIR}/${A_OUTPUT}
    DEPENDS ${objects}
    VERBATIM)
endfunction()
