#!/bin/bash
# The reduction as users of SAS have written it for twenty years: run in the folder that holds ODF/.
source "$HEADAS/headas-init.sh"
source "$SAS/setsas.sh"

start=$(pwd)
mkdir -p work
cd work
export SAS_ODF="$start/ODF"
cifbuild
export SAS_CCF="$PWD/ccf.cif"
odfingest
export SAS_ODF="$(ls -1 "$PWD"/*SUM.SAS)"
emproc
epproc

cp *MOS1*S*ImagingEvt* mos1.fits
cp *MOS2*S*ImagingEvt* mos2.fits
cp *EPN*S*ImagingEvt* pn.fits

for camera in mos1 mos2; do
    evselect table=$camera.fits withrateset=Y rateset=${camera}_rate.fits maketimecolumn=Y timebinsize=100 \
        makeratecolumn=Y expression='#XMMEA_EM && (PI>10000) && (PATTERN==0)'
done
evselect table=pn.fits withrateset=Y rateset=pn_rate.fits maketimecolumn=Y timebinsize=100 makeratecolumn=Y \
    expression='#XMMEA_EP && (PI>10000&&PI<12000) && (PATTERN==0)'

for camera in mos1 mos2 pn; do
    dsplot table=${camera}_rate.fits x=TIME y=RATE &
    echo "Highest rate of $camera:"
    read rate
    wait
    tabgtigen table=${camera}_rate.fits gtiset=gtiset_$camera.fits timecolumn=TIME expression="(RATE<=$rate)"
done

evselect table=mos1.fits withfilteredset=Y filteredset=mos1_clean.fits destruct=Y keepfilteroutput=T \
    expression='#XMMEA_EM && gti(gtiset_mos1.fits,TIME) && (PI>150)'
evselect table=mos2.fits withfilteredset=Y filteredset=mos2_clean.fits destruct=Y keepfilteroutput=T \
    expression='#XMMEA_EM && gti(gtiset_mos2.fits,TIME) && (PI>150)'
evselect table=pn.fits withfilteredset=Y filteredset=pn_clean.fits destruct=Y keepfilteroutput=T \
    expression='#XMMEA_EP && gti(gtiset_pn.fits,TIME) && (PI>150)'

mkdir -p images coords
image() {   # list, image, selection
    evselect table="$1" imagebinning='imageSize' imageset="images/$2" withimageset=yes xcolumn='X' ycolumn='Y' \
        ximagesize=600 yimagesize=600 expression="$3"
}
low=(200 500 1000 2000 4500 200)
high=(500 1000 2000 4500 12000 12000)
name=(b1 b2 b3 b4 b5 full)
for n in 0 1 2 3 4 5; do
    band="(PI>${low[$n]}&&PI<=${high[$n]})"
    image mos1_clean.fits m1_image_${name[$n]}.fits "#XMMEA_EM && (PATTERN<=12) && (FLAG==0) && $band"
    image mos2_clean.fits m2_image_${name[$n]}.fits "#XMMEA_EM && (PATTERN<=12) && (FLAG==0) && $band"
done
image pn_clean.fits pn_image_b1.fits '#XMMEA_EP && (PATTERN==0) && (FLAG==0) && (PI>300&&PI<=500)'
for n in 1 2 3 4; do
    image pn_clean.fits pn_image_${name[$n]}.fits \
        "#XMMEA_EP && (PATTERN<=4) && (FLAG==0) && (PI>${low[$n]}&&PI<=${high[$n]})"
done
image pn_clean.fits pn_image_full.fits '#XMMEA_EP && (PATTERN<=4) && (FLAG==0) && (PI>300&&PI<=12000)'

cd images
cp ../*AttHk.ds AttHk.ds
for camera in m1 m2 pn; do
    case $camera in
        m1) list=mos1_clean.fits; pimin='200 500 1000 2000 4500'; ecf='1.734 1.746 2.041 0.737 0.145' ;;
        m2) list=mos2_clean.fits; pimin='200 500 1000 2000 4500'; ecf='1.734 1.757 2.043 0.742 0.153' ;;
        pn) list=pn_clean.fits; pimin='300 500 1000 2000 4500'; ecf='9.525 8.121 5.867 1.953 0.578' ;;
    esac
    edetect_chain imagesets="${camera}_image_b1.fits ${camera}_image_b2.fits ${camera}_image_b3.fits ${camera}_image_b4.fits ${camera}_image_b5.fits" \
        eventsets=../$list attitudeset=AttHk.ds pimin="$pimin" pimax='500 1000 2000 4500 12000' ecf="$ecf" \
        eboxl_list=../coords/${camera}_eboxlist_l.fits eboxm_list=../coords/${camera}_eboxlist_m.fits \
        eml_list=../coords/${camera}_emllist.fits esp_nsplinenodes=16 esen_mlmin=15
    srcdisplay boxlistset=../coords/${camera}_emllist.fits imageset=${camera}_image_full.fits \
        regionfile=../coords/$camera.reg sourceradius=0.01 withregionfile=yes
done
edetect_chain imagesets='"pn_image_b1.fits" "pn_image_b2.fits" "pn_image_b3.fits" "pn_image_b4.fits" "pn_image_b5.fits" "m1_image_b1.fits" "m1_image_b2.fits" "m1_image_b3.fits" "m1_image_b4.fits" "m1_image_b5.fits" "m2_image_b1.fits" "m2_image_b2.fits" "m2_image_b3.fits" "m2_image_b4.fits" "m2_image_b5.fits"' \
    eventsets='"../pn_clean.fits" "../mos1_clean.fits" "../mos2_clean.fits"' attitudeset=AttHk.ds \
    pimin='300 500 1000 2000 4500 200 500 1000 2000 4500 200 500 1000 2000 4500' \
    pimax='500 1000 2000 4500 12000 500 1000 2000 4500 12000 500 1000 2000 4500 12000' \
    ecf='9.525 8.121 5.867 1.953 0.578 1.734 1.746 2.041 0.737 0.145 1.734 1.757 2.043 0.742 0.153' \
    eboxl_list=../coords/all_eboxlist_l.fits eboxm_list=../coords/all_eboxlist_m.fits \
    eml_list=../coords/all_emllist.fits esp_nsplinenodes=16 esen_mlmin=15
cd ..
emosaic imagesets='images/m1_image_full.fits images/m2_image_full.fits images/pn_image_full.fits' mosaicedset=mosaic.ds
srcdisplay boxlistset=coords/all_emllist.fits imageset=mosaic.ds regionfile=coords/all.reg withregionfile=yes
