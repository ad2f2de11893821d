# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
#
# How the rooms of the house build. A room says what it has, this file says how that is compiled:
#
#     sidewall_library(NAME sidewall_model SOURCES machine.cc LIBS ...)
#     sidewall_test(NAME model.machine SOURCES machine_test.cc LIBS sidewall_model)
#     sidewall_tool(NAME sidewall-trace SOURCES main.cc LIBS sidewall_replay)
#     sidewall_fuzzer(NAME board_fuzzer SOURCES board_fuzzer.cc LIBS ...)
#     sidewall_tool_variants(NAME sidewall-tool SOURCES main.cc LIBS ...)
#     sidewall_bug_drivers(ids libs)     # lists of equal length: SB001 sidewall_driver_SB001 ...
#
# No library links a driver: executables do, so that every one of them can be had over the shipped
# driver, a canary and each seeded bug. Order of static libraries does not matter anywhere, since
# the driver and what is under it need each other.

set(SIDEWALL_SANITIZE "" CACHE STRING "Sanitizers of the whole build: address or memory")
set(SIDEWALL_ENGINE "" CACHE STRING "Fuzzing engine: libfuzzer, afl, or empty for none")
set(SIDEWALL_TEST_PREFIX "" CACHE STRING "What the names of this build's tests begin with")
option(SIDEWALL_ALL_TOOLS "Build the tool over each seeded bug by default" OFF)
option(SIDEWALL_EL2 "Build the aarch64 images and what runs them" OFF)
set_property(CACHE SIDEWALL_SANITIZE PROPERTY STRINGS "" address memory)
set_property(CACHE SIDEWALL_ENGINE PROPERTY STRINGS "" libfuzzer afl)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
# Assertions stay on in every build, so no build type defines NDEBUG.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g")

find_program(SIDEWALL_CCACHE ccache)
if(SIDEWALL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${SIDEWALL_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${SIDEWALL_CCACHE})
endif()

set(CMAKE_CXX_LINK_EXECUTABLE
    "<CMAKE_CXX_COMPILER> <FLAGS> <CMAKE_CXX_LINK_FLAGS> <LINK_FLAGS> <OBJECTS> -o <TARGET> \
-Wl,--start-group <LINK_LIBRARIES> -Wl,--end-group")

# What all code of the house is compiled with.
add_library(sidewall_flags INTERFACE)
target_compile_options(sidewall_flags INTERFACE -Wall -Wextra -Wshadow -Werror)
target_include_directories(
  sidewall_flags INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/driver/include)

# Sanitizers, and the coverage that an engine reads, go to every object of the build. The flags
# of an environment that brings its own (CXXFLAGS of OSS-Fuzz) are left alone.
set(SIDEWALL_SANITIZE_FLAGS "")
if(SIDEWALL_SANITIZE STREQUAL "address")
  set(SIDEWALL_SANITIZE_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=all)
elseif(SIDEWALL_SANITIZE STREQUAL "memory")
  # The library's strings are compiled here and not taken from the library, which is not
  # instrumented; so what a string holds counts as written.
  set(SIDEWALL_SANITIZE_FLAGS -fsanitize=memory -fsanitize-memory-track-origins
                              -D_GLIBCXX_EXTERN_TEMPLATE=0)
elseif(SIDEWALL_SANITIZE)
  message(FATAL_ERROR "SIDEWALL_SANITIZE is '${SIDEWALL_SANITIZE}': use address or memory.")
endif()
if(SIDEWALL_SANITIZE_FLAGS)
  add_compile_options(${SIDEWALL_SANITIZE_FLAGS} -fno-omit-frame-pointer)
  add_link_options(${SIDEWALL_SANITIZE_FLAGS})
endif()

set(SIDEWALL_ENGINE_LINK "")
if(SIDEWALL_ENGINE STREQUAL "libfuzzer")
  if(DEFINED ENV{LIB_FUZZING_ENGINE})
    separate_arguments(SIDEWALL_ENGINE_LINK UNIX_COMMAND "$ENV{LIB_FUZZING_ENGINE}")
  else()
    add_compile_options(-fsanitize=fuzzer-no-link)
    set(SIDEWALL_ENGINE_LINK -fsanitize=fuzzer)
  endif()
elseif(SIDEWALL_ENGINE STREQUAL "afl")
  # Debian's AFL++ wraps an older clang; its run time works with any compiler that instruments
  # for trace-pc-guard.
  set(SIDEWALL_AFL_DIR /usr/lib/afl CACHE PATH "Folder of libAFLDriver.a and afl-compiler-rt.o")
  add_compile_options(-fsanitize-coverage=trace-pc-guard,trace-cmp)
  set(SIDEWALL_ENGINE_LINK ${SIDEWALL_AFL_DIR}/libAFLDriver.a
                           ${SIDEWALL_AFL_DIR}/afl-compiler-rt.o)
elseif(SIDEWALL_ENGINE)
  message(FATAL_ERROR "SIDEWALL_ENGINE is '${SIDEWALL_ENGINE}': use libfuzzer or afl.")
endif()

# What a build has, apart from fuzz targets.
#   SIDEWALL_HOSTED: tools and whatever needs libraries. MemorySanitizer reports what libraries that
#   were not built with it have written, and objects that AFL++ instruments link with its run time
#   only, so these builds have none.
#   SIDEWALL_UNIT_TESTS: tests with GoogleTest. A build with an engine leaves them to `asan`.
#   SIDEWALL_PLAIN_TESTS: tests that need no library.
set(SIDEWALL_HOSTED ON)
set(SIDEWALL_UNIT_TESTS ON)
set(SIDEWALL_PLAIN_TESTS ON)
if(SIDEWALL_ENGINE)
  set(SIDEWALL_UNIT_TESTS OFF)
endif()
if(SIDEWALL_SANITIZE STREQUAL "memory")
  set(SIDEWALL_HOSTED OFF)
  set(SIDEWALL_UNIT_TESTS OFF)
elseif(SIDEWALL_ENGINE STREQUAL "afl")
  set(SIDEWALL_HOSTED OFF)
  set(SIDEWALL_PLAIN_TESTS OFF)
endif()
if(SIDEWALL_UNIT_TESTS)
  find_package(GTest REQUIRED)
endif()

function(sidewall_library)
  cmake_parse_arguments(PARSE_ARGV 0 A "" "NAME" "SOURCES;LIBS")
  add_library(${A_NAME} STATIC ${A_SOURCES})
  target_link_libraries(${A_NAME} PUBLIC sidewall_flags ${A_LIBS})
endfunction()

function(sidewall_tool)
  cmake_parse_arguments(PARSE_ARGV 0 A "" "NAME" "SOURCES;LIBS")
  if(NOT SIDEWALL_HOSTED)
    return()
  endif()
  add_executable(${A_NAME} ${A_SOURCES})
  target_link_libraries(${A_NAME} PRIVATE sidewall_flags ${A_LIBS})
endfunction()

# A test that runs a command: sidewall_command_test(NAME fuzz.gate LABEL fuzz COMMAND x -runs=1).
# Every test runs at the root of the sources and may write to $TEST_TMPDIR; its time limit is one
# that only a hang reaches. LABEL is its row in the ledger of `./sidewall test --timings`.
function(sidewall_command_test)
  cmake_parse_arguments(PARSE_ARGV 0 A "" "NAME;LABEL" "COMMAND")
  if(NOT A_LABEL)
    set(A_LABEL unit)
    if(CMAKE_CURRENT_SOURCE_DIR STREQUAL "${PROJECT_SOURCE_DIR}/replay")
      set(A_LABEL replay)
    endif()
  endif()
  set(name "${SIDEWALL_TEST_PREFIX}${A_NAME}")
  set(environment
      SIDEWALL_ROOT=${PROJECT_SOURCE_DIR} SIDEWALL_BUILD_DIR=${PROJECT_BINARY_DIR}
      TEST_TMPDIR=${CMAKE_CURRENT_BINARY_DIR}/)
  add_test(NAME ${name} COMMAND ${A_COMMAND} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(
    ${name}
    PROPERTIES
      TIMEOUT 600
      LABELS ${A_LABEL}
      ENVIRONMENT "${environment}")
endfunction()

# One test program. PLAIN: it has its own main and does without GoogleTest.
function(sidewall_test)
  cmake_parse_arguments(PARSE_ARGV 0 A "PLAIN" "NAME;LABEL" "SOURCES;LIBS;ARGS")
  if((A_PLAIN AND NOT SIDEWALL_PLAIN_TESTS) OR (NOT A_PLAIN AND NOT SIDEWALL_UNIT_TESTS))
    return()
  endif()
  string(REGEX REPLACE "[^A-Za-z0-9_-]" "_" target "${A_NAME}")
  if(NOT target MATCHES "_test$")
    string(APPEND target "_test")
  endif()
  add_executable(${target} ${A_SOURCES})
  target_link_libraries(${target} PRIVATE sidewall_flags ${A_LIBS})
  if(NOT A_PLAIN)
    target_link_libraries(${target} PRIVATE GTest::gtest GTest::gtest_main)
  endif()
  sidewall_command_test(NAME ${A_NAME} LABEL ${A_LABEL} COMMAND ${target} ${A_ARGS})
endfunction()

# All fuzz targets over the shipped driver, all over a seeded bug, and what `bugs --quick` needs: of
# the bugs with a line `Quick: yes`, fuzz target and tool.
add_custom_target(fuzzers)
add_custom_target(bug_fuzzers)
add_custom_target(bugs_quick)
function(sidewall_bug_needs TARGET ID)
  file(GLOB patch ${PROJECT_SOURCE_DIR}/oracle/bugs/${ID}-*.patch)
  file(STRINGS ${patch} quick REGEX "^Quick: yes")
  if(quick)
    add_dependencies(bugs_quick ${TARGET})
  endif()
endfunction()

# A fuzz target: LLVMFuzzerTestOneInput, linked with the engine of the build. A build without an
# engine links MAIN, if given, which runs the files that it is named. A target over a seeded bug
# (name-SBnnn) is built when it is asked for.
function(sidewall_fuzzer)
  cmake_parse_arguments(PARSE_ARGV 0 A "" "NAME;MAIN" "SOURCES;LIBS")
  if(NOT SIDEWALL_ENGINE AND NOT A_MAIN)
    return()
  endif()
  add_executable(${A_NAME} ${A_SOURCES})
  target_link_libraries(${A_NAME} PRIVATE sidewall_flags ${A_LIBS})
  if(SIDEWALL_ENGINE)
    target_link_libraries(${A_NAME} PRIVATE ${SIDEWALL_ENGINE_LINK})
  else()
    target_sources(${A_NAME} PRIVATE ${A_MAIN})
  endif()
  if(A_NAME MATCHES "-SB[0-9]+$")
    set_target_properties(${A_NAME} PROPERTIES EXCLUDE_FROM_ALL ON)
    target_link_options(${A_NAME} PRIVATE ${SIDEWALL_VARIANT_LINK})
    add_dependencies(bug_fuzzers ${A_NAME})
  else()
    add_dependencies(fuzzers ${A_NAME})
  endif()
endfunction()

# What is linked over a seeded bug or a canary is there to be run, by the hundred: without debug
# information and with lld, a link takes a tenth of the time.
include(CheckLinkerFlag)
check_linker_flag(CXX -fuse-ld=lld SIDEWALL_HAS_LLD)
set(SIDEWALL_VARIANT_LINK -Wl,--strip-debug)
if(SIDEWALL_HAS_LLD)
  list(APPEND SIDEWALL_VARIANT_LINK -fuse-ld=lld)
endif()

# The driver with one seeded bug. Only the sources that the patch touches are copied to the build
# folder, patched and compiled; the rest comes from the library of the shipped driver, whose members
# are not looked at where a patched object has defined all that they define. A patch of a header
# changes what every source sees, so that all of them are compiled, as one. What a patch leaves
# unused is no fault of its own. A patch that does not apply fails the build and says which.
function(sidewall_bug_driver ID PATCH)
  include(${PROJECT_SOURCE_DIR}/driver/sources.cmake)
  set(copy ${PROJECT_BINARY_DIR}/bugs/${ID})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PATCH})
  file(STRINGS ${PATCH} files REGEX "^[+][+][+] b/driver/")
  list(TRANSFORM files REPLACE "^[+][+][+] b/driver/([^\t ]+).*$" "\\1")
  set(sources ${files})
  set(headers ${files})
  list(FILTER headers EXCLUDE REGEX "[.]cc$")
  if(headers)
    set(sources ${DRIVER_SOURCES})
    file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/driver
         ${PROJECT_SOURCE_DIR}/driver/*.h ${PROJECT_SOURCE_DIR}/driver/*.inc)
    list(APPEND files ${sources})
  endif()
  set(touched ${files})
  list(TRANSFORM touched PREPEND driver/)
  set(copies ${files})
  list(TRANSFORM copies PREPEND ${copy}/driver/)
  list(TRANSFORM sources PREPEND ${copy}/driver/)
  set(originals ${files})
  list(TRANSFORM originals PREPEND ${PROJECT_SOURCE_DIR}/driver/)
  set(apply ${PROJECT_SOURCE_DIR}/ci/apply_bug.sh)
  add_custom_command(
    OUTPUT ${copies}
    COMMAND sh ${apply} ${PROJECT_SOURCE_DIR} ${PATCH} ${copy} ${touched}
    DEPENDS ${PATCH} ${originals} ${apply}
    COMMENT "Driver with seeded bug ${ID}"
    VERBATIM)
  add_library(sidewall_driver_${ID} OBJECT EXCLUDE_FROM_ALL ${sources} ${copies})
  target_compile_options(sidewall_driver_${ID} PRIVATE ${DRIVER_COMPILE_OPTIONS} -Wall -Wextra
                                                       -Wshadow -Werror -Wno-unused
                                                       -Wno-unused-parameter -g0)
  target_include_directories(
    sidewall_driver_${ID} PRIVATE ${copy} ${copy}/driver/include ${PROJECT_SOURCE_DIR}
                                  ${PROJECT_SOURCE_DIR}/driver/include)
  if(headers)
    set_target_properties(sidewall_driver_${ID} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
  else()
    target_link_libraries(sidewall_driver_${ID} INTERFACE sidewall_driver)
  endif()
endfunction()

# Sets IDS and LIBS in the caller to lists of equal length.
function(sidewall_bug_drivers IDS LIBS)
  file(GLOB patches CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/oracle/bugs/SB*.patch)
  set(ids "")
  set(libs "")
  if(EXISTS ${PROJECT_SOURCE_DIR}/driver/sources.cmake)
    foreach(patch IN LISTS patches)
      get_filename_component(name ${patch} NAME)
      string(REGEX MATCH "^SB[0-9]+" id ${name})
      if(NOT TARGET sidewall_driver_${id})
        sidewall_bug_driver(${id} ${patch})
      endif()
      list(APPEND ids ${id})
      list(APPEND libs sidewall_driver_${id})
    endforeach()
  endif()
  set(${IDS} ${ids} PARENT_SCOPE)
  set(${LIBS} ${libs} PARENT_SCOPE)
endfunction()

# One executable a driver, all of them built by the target NAMEs: NAME over the shipped one,
# NAME.passthrough and NAME.denyall over the canaries, NAME.SBnnn over each seeded bug. The sources
# are compiled once.
function(sidewall_tool_variants)
  cmake_parse_arguments(PARSE_ARGV 0 A "" "NAME" "SOURCES;LIBS")
  if(NOT SIDEWALL_HOSTED)
    return()
  endif()
  add_library(${A_NAME}_objects OBJECT ${A_SOURCES})
  target_link_libraries(${A_NAME}_objects PUBLIC sidewall_flags ${A_LIBS})
  set(suffixes "shipped")
  set(drivers sidewall_driver)
  foreach(canary IN ITEMS passthrough denyall)
    if(TARGET sidewall_canary_${canary})
      list(APPEND suffixes ${canary})
      list(APPEND drivers sidewall_canary_${canary})
    endif()
  endforeach()
  add_custom_target(${A_NAME}s)
  sidewall_bug_drivers(ids libs)
  list(APPEND suffixes ${ids})
  list(APPEND drivers ${libs})
  foreach(suffix driver IN ZIP_LISTS suffixes drivers)
    set(target ${A_NAME}.${suffix})
    set(link ${SIDEWALL_VARIANT_LINK})
    if(suffix STREQUAL "shipped")
      set(target ${A_NAME})
      set(link "")
    endif()
    add_executable(${target})
    target_link_options(${target} PRIVATE ${link})
    target_link_libraries(${target} PRIVATE ${A_NAME}_objects ${driver})
    add_dependencies(${A_NAME}s ${target})
    if(suffix MATCHES "^SB")
      sidewall_bug_needs(${target} ${suffix})
    endif()
    # Only the dev build has a tool for each seeded bug by default; elsewhere they are asked for.
    if((SIDEWALL_ENGINE AND NOT suffix STREQUAL "shipped") OR (NOT SIDEWALL_ALL_TOOLS AND suffix
                                                                 MATCHES "^SB"))
      set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL ON)
    endif()
  endforeach()
endfunction()

# One tool for each patch of oracle/blind, NAME.BLnn: over the bug that the patch names, with the
# patched sources of oracle and model before their libraries, as with a patched driver. All of them
# are built by the target blind_tools.
function(sidewall_blind_tools NAME)
  if(NOT SIDEWALL_HOSTED)
    return()
  endif()
  add_custom_target(blind_tools)
  file(GLOB patches CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/oracle/blind/BL*.patch)
  foreach(patch IN LISTS patches)
    get_filename_component(id ${patch} NAME)
    string(REGEX MATCH "^BL[0-9]+" id ${id})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${patch})
    file(STRINGS ${patch} bug REGEX "^Bug: ")
    string(REPLACE "Bug: " "" bug ${bug})
    file(STRINGS ${patch} files REGEX "^[+][+][+] b/")
    list(TRANSFORM files REPLACE "^[+][+][+] b/([^\t ]+).*$" "\\1")
    set(copy ${PROJECT_BINARY_DIR}/blind/${id})
    set(sources ${files})
    list(TRANSFORM sources PREPEND ${copy}/)
    set(originals ${files})
    list(TRANSFORM originals PREPEND ${PROJECT_SOURCE_DIR}/)
    set(apply ${PROJECT_SOURCE_DIR}/ci/apply_bug.sh)
    add_custom_command(
      OUTPUT ${sources}
      COMMAND sh ${apply} ${PROJECT_SOURCE_DIR} ${patch} ${copy} ${files}
      DEPENDS ${patch} ${originals} ${apply}
      COMMENT "Blind to ${id}"
      VERBATIM)
    add_executable(${NAME}.${id} EXCLUDE_FROM_ALL ${sources})
    target_compile_options(${NAME}.${id} PRIVATE -Wno-unused -Wno-unused-parameter -g0)
    target_link_libraries(${NAME}.${id} PRIVATE sidewall_flags ${NAME}_objects
                                                sidewall_driver_${bug})
    target_link_options(${NAME}.${id} PRIVATE ${SIDEWALL_VARIANT_LINK})
    add_dependencies(blind_tools ${NAME}.${id} ${NAME}.${bug})
  endforeach()
endfunction()
