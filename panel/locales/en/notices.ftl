# Notices to customers and administrators: `.subject` is the subject of a mail and the line of a list, `.text` says what
# happened and what to do. Values: $name, $customer, $balance, $owed, $owes (1: something is owed), $amount, $deadline, $days, $accounts, $count,
# $percent, $kind; in alerts $rule, $subject, $detail, $date.

month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December
date = { $day } { $month } { $year }, { $time } ({ $zone })

days = { $days ->
    [one] { $days } day
   *[other] { $days } days
}
your-accounts = { $count ->
    [one] Your hosting account { $accounts }
   *[other] Your hosting accounts { $accounts }
}

greeting = Hello { $name },
standing = Your balance: { $balance }
signature = Customer { $customer }, { $date }

customer-opened =
    .subject = Your account is open
    .text = Your first hosting account is in use. What it uses is charged every hour against your prepaid balance. Top up before the balance is used up, and nothing stops.

balance-low =
    .subject = Your balance lasts for about { days }
    .text = At the present rate your balance lasts for about { days }. Top up in time, and nothing stops.
balance-low-amount =
    .subject = Your balance is below { $amount }
    .text = Your balance has fallen below { $amount }. Top up in time, and nothing stops.
balance-ok =
    .subject = Your balance lasts again
    .text = Your balance is no longer low. There is nothing to do.
balance-negative =
    .subject = Your balance is below zero
    .text = Your balance has fallen below zero. Your hosting accounts go on running until { $deadline }. Top up at least { $owed } by then; otherwise they are suspended.
balance-reminder =
    .subject = Reminder: your accounts are suspended in { days }
    .text = Your balance is still below zero. Your hosting accounts go on running until { $deadline }. Top up at least { $owed } by then; otherwise they are suspended.
balance-floor =
    .subject = Your overdraft is used up
    .text = What you have used and not yet paid is more than your overdraft. Your hosting accounts are suspended soon unless you top up now.
balance-recovered =
    .subject = Your balance is in order again
    .text = Thank you. Your balance is in order again, and there is nothing more to do.

promise-opened =
    .subject = Your promised payment is noted
    .text = You have promised a payment. Your hosting accounts go on running until { $deadline }. Top up at least { $owed } by then.
promise-kept =
    .subject = Your promised payment has arrived
    .text = Thank you. The payment you promised has arrived.
promise-broken =
    .subject = Your promised payment has not arrived
    .text = The payment you promised did not arrive in time. Your hosting accounts are suspended now. Top up at least { $owed }, and they run again.

account-suspend =
    .subject = { $count ->
        [one] Hosting account { $accounts } is suspended
       *[other] { $count } hosting accounts are suspended
    }
    .text = { your-accounts } { $count ->
        [one] is suspended. Nothing in it is lost.
       *[other] are suspended. Nothing in them is lost.
    } { $owes ->
        [1] Top up at least { $owed }, and { $count ->
            [one] it runs
           *[other] they run
        } again.
       *[other] The panel says why.
    }
account-resume =
    .subject = { $count ->
        [one] Hosting account { $accounts } runs again
       *[other] { $count } hosting accounts run again
    }
    .text = { your-accounts } { $count ->
        [one] runs again, exactly as it was before.
       *[other] run again, exactly as they were before.
    }
account-delete =
    .subject = { $count ->
        [one] Hosting account { $accounts } is being deleted
       *[other] { $count } hosting accounts are being deleted
    }
    .text = { your-accounts } { $count ->
        [one] is being archived and removed.
       *[other] are being archived and removed.
    }
account-deleted =
    .subject = { $count ->
        [one] Hosting account { $accounts } was deleted
       *[other] { $count } hosting accounts were deleted
    }
    .text = { your-accounts } { $count ->
        [one] was archived and removed. It can be brought back for a limited time: settle the balance, or write to us.
       *[other] were archived and removed. They can be brought back for a limited time: settle the balance, or write to us.
    }
account-undelete =
    .subject = { $count ->
        [one] Hosting account { $accounts } is being restored
       *[other] { $count } hosting accounts are being restored
    }
    .text = { your-accounts } { $count ->
        [one] is being restored from its archive.
       *[other] are being restored from their archives.
    }
account-purged =
    .subject = { $count ->
        [one] Hosting account { $accounts } was removed for good
       *[other] { $count } hosting accounts were removed for good
    }
    .text = { your-accounts } { $count ->
        [one] was removed for good, its archive too, and cannot be brought back.
       *[other] were removed for good, their archives too, and cannot be brought back.
    }

account-purge =
    .subject = { $count ->
        [one] Hosting account { $accounts } is being removed for good
       *[other] { $count } hosting accounts are being removed for good
    }
    .text = { your-accounts } { $count ->
        [one] is being removed for good.
       *[other] are being removed for good.
    }

delete-notice =
    .subject = Final notice: your accounts are deleted in { days }
    .text = Your hosting accounts have been suspended for a long time, and your balance is still below zero. They are deleted on { $deadline } or later. Top up at least { $owed } before that, and they run again with everything in them.
delete-scheduled =
    .subject = Your hosting accounts are being deleted
    .text = Your hosting accounts are being archived and removed now, because your balance stayed below zero.
delete-cancelled =
    .subject = The deletion of your hosting accounts was called off
    .text = The deletion of your hosting accounts was called off.

hold-set =
    .subject = Suspension and deletion are put on hold
    .text = Our staff has put suspension and deletion of your hosting accounts on hold.
hold-cleared =
    .subject = The hold on suspension and deletion has ended
    .text = Our staff has ended the hold: the usual dates for suspension and deletion of your hosting accounts count again.
abuse-set =
    .subject = Your hosting accounts are suspended by our staff
    .text = Our staff has suspended your hosting accounts because of a report of abuse. Topping up does not lift this; please write to us.
abuse-cleared =
    .subject = The suspension by our staff is lifted
    .text = Our staff has lifted the suspension of your hosting accounts.
provider-suspended =
    .subject = Your hosting accounts are suspended because of your provider
    .text = Your hosting accounts are suspended, whatever your balance, because your provider has not paid for them. Please write to your provider. Nothing of yours is deleted for that.
provider-resumed =
    .subject = The suspension because of your provider is over
    .text = Your hosting accounts are no longer suspended because of your provider.
billing-parked =
    .subject = Billing is paused for a check
    .text = We are checking your bill by hand. Until then nothing is charged and nothing is suspended.
billing-unparked =
    .subject = Billing goes on
    .text = We have checked your bill; charging goes on as usual.
customer-closing =
    .subject = Your account is being closed
    .text = As you asked, your hosting accounts are stopped and the last hours are charged. What you paid and did not use is refunded after that.
customer-closed =
    .subject = Your account is closed
    .text = Your account is closed. What you paid and did not use is refunded.
customer-reopened =
    .subject = Your account is open again
    .text = Your account is open again, and your hosting accounts run.

cap-reached =
    .subject = Your spending cap is reached
    .text = You have reached the spending cap that you set. Where you chose so, your hosting accounts are suspended until the period ends or you raise the cap.
budget-reached =
    .subject = { $accounts } has used { $percent } % of its budget
    .text = The hosting account { $accounts } has used { $percent } % of the budget that you set for this month. Nothing is stopped because of that.

balance-written-off =
    .subject = Your debt was written off
    .text = Your accounts were removed, and the rest of the debt was written off.

other =
    .subject = News about your account: { $kind }
    .text = Something happened with your account: { $kind }. The panel shows more.

alert-raised =
    .subject = Alert { $rule }: { $subject }
    .text = { $detail }
alert-cleared =
    .subject = Over: alert { $rule }: { $subject }
    .text = The alert of { $date } is over. It said: { $detail }
