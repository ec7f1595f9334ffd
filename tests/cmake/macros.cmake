# Checks that every macro a header under INCLUDE_DIR defines is named HOOKCAM_...: macros know no namespace.

cmake_minimum_required(VERSION 3.25)

file(GLOB_RECURSE headers ${INCLUDE_DIR}/*.hpp)
set(count 0)
set(faults "")
foreach(header IN LISTS headers)
    file(STRINGS ${header} lines REGEX "^[ \t]*#[ \t]*define[ \t]")
    foreach(line IN LISTS lines)
        math(EXPR count "${count} + 1")
        if(NOT line MATCHES "define[ \t]+HOOKCAM_")
            list(APPEND faults "${header}: ${line}")
        endif()
    endforeach()
endforeach()

if(count EQUAL 0)
    message(FATAL_ERROR "No macro found under ${INCLUDE_DIR}, where version.hpp has some")
endif()
if(faults)
    list(JOIN faults "\n  " faults)
    message(FATAL_ERROR "Macros must begin with HOOKCAM_:\n  ${faults}")
endif()
